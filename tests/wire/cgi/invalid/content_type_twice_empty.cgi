Status: 200 OK
Content-Type:
Content-Type: text/html

x