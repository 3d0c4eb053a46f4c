X: a
Content-Type: text/html

