Status: 404 
Content-Type: text/plain

no