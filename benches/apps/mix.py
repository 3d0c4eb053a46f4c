"""Fast answers and slow ones: whoever asks for /sleep waits 50 ms, as for a database or another service."""

import time


def application(environ, start_response):
    if environ["PATH_INFO"] == "/sleep":
        time.sleep(0.05)
        body = b"slept"
    else:
        body = b"Hello, World!"
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
