user is: bob
Content-Type: text/html

