Location: http://example.org/
Status: 301 Moved Permanently
Content-Type: text/plain

moved