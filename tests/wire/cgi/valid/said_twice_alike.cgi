Status: 404 Not Found
Content-Type: text/plain
Status: 404
Content-Type: text/plain

x