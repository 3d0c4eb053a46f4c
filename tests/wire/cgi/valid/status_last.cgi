Content-Type: text/plain
Status: 404 Not Found

no