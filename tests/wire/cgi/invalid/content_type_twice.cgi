Content-Type: text/html
X: y
content-type: text/plain

x