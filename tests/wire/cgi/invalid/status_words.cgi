Status: OK
Content-Type: text/html

x