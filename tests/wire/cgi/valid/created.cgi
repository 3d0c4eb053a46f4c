Status: 201 Created
Location: /new
Content-Type: text/plain

made