STATUS:404 Not Found
content-TYPE:text/plain

