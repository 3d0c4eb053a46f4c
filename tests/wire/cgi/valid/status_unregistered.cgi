Status: 799 Odd
Content-Type: text/plain

x