Content-Type: text/html
X: aSet-Cookie: b

