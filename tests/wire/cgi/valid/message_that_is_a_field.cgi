sh: 1: foo: not found
Content-Type: text/plain

x