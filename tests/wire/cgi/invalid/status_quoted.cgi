Status: "200 OK"
Content-Type: text/html

x