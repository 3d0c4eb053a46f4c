Set-Cookie: a=1; Path=/
Content-Type: text/plain
set-cookie: b=2

x