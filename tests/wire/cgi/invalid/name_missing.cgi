Content-Type: text/html
: x

