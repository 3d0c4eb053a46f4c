Hello
Content-Type: text/html

<p>