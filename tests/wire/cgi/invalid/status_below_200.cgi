Status: 199 x
Content-Type: text/html

x