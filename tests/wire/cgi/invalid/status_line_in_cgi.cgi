HTTP/1.0 200 OK
Content-Type: text/html

<p>