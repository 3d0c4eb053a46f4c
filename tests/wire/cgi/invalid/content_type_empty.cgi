Content-Type:

<p>