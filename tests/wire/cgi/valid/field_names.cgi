!#$%&'*+-.^_`|~09azAZ: x
Content-Type: text/plain

