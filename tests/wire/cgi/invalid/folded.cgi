Content-Type: text/html;
 charset=utf-8

x