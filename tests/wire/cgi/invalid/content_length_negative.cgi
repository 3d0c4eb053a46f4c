Content-Type: text/html
Content-Length: -5

x