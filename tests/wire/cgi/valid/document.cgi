Content-Type: text/html

<p>Hello</p>
