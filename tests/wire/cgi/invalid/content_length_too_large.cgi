Content-Type: text/html
Content-Length: 18446744073709551616

x