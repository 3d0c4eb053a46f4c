Content-type: text/html


<HTML>
