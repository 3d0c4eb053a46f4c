HTTP/1.0 200 

x