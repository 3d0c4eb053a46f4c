"""An application that writes a line to the error log for each request."""


def application(environ, start_response):
    print("complaint", environ["PATH_INFO"], "x" * 100, file=environ["wsgi.errors"])
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "10")])
    return [b"complained"]
