Status: 200 OK
Content-Type: text/plain
Content-Length: 2

hi