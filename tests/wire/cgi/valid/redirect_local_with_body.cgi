Content-Type: text/html
Location: /other

<p>ignored