Content-Type: text/html
Content-Length: 5, 5

x