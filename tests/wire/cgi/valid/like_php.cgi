X-Powered-By: PHP/8.2.0
Content-type: text/html; charset=UTF-8

<html>