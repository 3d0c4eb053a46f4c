Status: 100 Continue
Content-Type: text/html

x