Content-Length: 5
Content-Type: text/plain

12345