"""Answers with 100 KiB that are ready in memory."""

BODY = b"x" * (100 * 1024)


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/octet-stream"), ("Content-Length", str(len(BODY)))])
    return [BODY]
