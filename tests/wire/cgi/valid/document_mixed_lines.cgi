A: 1
Content-Type: text/html
B: 2

x