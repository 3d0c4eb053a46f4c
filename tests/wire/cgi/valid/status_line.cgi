HTTP/1.1 404 Not Found
Content-Type: text/plain

no