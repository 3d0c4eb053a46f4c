Status: 404 No such thing here
Content-Type: text/plain

no