HTTP/1.1 200 aSet-Cookie: b

