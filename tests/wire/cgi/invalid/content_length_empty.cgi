Content-Type: text/html
Content-Length: 

x