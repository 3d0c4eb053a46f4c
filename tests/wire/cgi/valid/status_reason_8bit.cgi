Status: 299 Schön so
Content-Type: text/plain

