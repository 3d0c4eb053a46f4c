X: [31mred
Content-Type: text/html

