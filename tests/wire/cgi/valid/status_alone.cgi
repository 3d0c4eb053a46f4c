Status: 200 OK

