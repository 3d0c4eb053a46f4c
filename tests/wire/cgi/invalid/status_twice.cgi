Status: 200 OK
Status: 404 Not Found
Content-Type: text/html

x