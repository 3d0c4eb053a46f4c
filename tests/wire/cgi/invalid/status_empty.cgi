Status: 
Content-Type: text/html

x