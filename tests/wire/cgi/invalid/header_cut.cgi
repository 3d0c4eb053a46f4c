Content-Type: text/html
X-A