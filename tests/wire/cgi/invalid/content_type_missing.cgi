Status: 200 OK

<p>