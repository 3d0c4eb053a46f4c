X-CGI-Note: a
Content-Type: text/plain

