Status: +20 OK
Content-Type: text/html

x