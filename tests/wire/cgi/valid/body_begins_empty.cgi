Content-Type: text/plain




x