Status: 200OK
Content-Type: text/html

x