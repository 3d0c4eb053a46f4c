Content-Type: text/plain
X: é Ã©

