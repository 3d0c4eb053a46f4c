Content-Type: text/html

<p>
