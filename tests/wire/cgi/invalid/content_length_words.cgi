Content-Type: text/html
Content-Length: five

x