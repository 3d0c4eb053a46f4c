Status: 2000
Content-Type: text/html

x