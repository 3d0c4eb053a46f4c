"""The HOWTO's FastCGI program with one import changed. Python 3 has `escape` in html, and wants bytes.

An argument is the bindAddress; without one, the web server has started this program.
"""

import sys
from html import escape

from millau.fcgi import WSGIServer


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/html")])

    yield b"<h1>FastCGI Environment</h1>"
    yield b"<table>"
    for k, v in sorted(environ.items()):
        yield f"<tr><th>{escape(str(k))}</th><td>{escape(str(v))}</td></tr>\n".encode("latin-1")
    yield b"</table>"


if __name__ == "__main__":
    WSGIServer(app, bindAddress=sys.argv[1] if len(sys.argv) > 1 else None).run()
