"""Prints the body that an application answers under wsgiref: `python reference.py MODULE METHOD PATH < body`."""

import importlib
import io
import sys
from wsgiref.handlers import SimpleHandler


class BodyOnly(SimpleHandler):
    """Writes no head."""

    def send_headers(self):
        self.headers_sent = True


def main():
    module, method, path = sys.argv[1:]
    request = sys.stdin.buffer
    body = request.read()
    environ = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "CONTENT_LENGTH": str(len(body)),
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "localhost",
    }
    application = importlib.import_module(module).application
    BodyOnly(io.BytesIO(body), sys.stdout.buffer, sys.stderr, environ).run(application)


if __name__ == "__main__":
    main()
