Content-Type: text/html
<p style="color: red">
