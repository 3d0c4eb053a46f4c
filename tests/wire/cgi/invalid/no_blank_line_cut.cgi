Content-Type: text/plain
Hello