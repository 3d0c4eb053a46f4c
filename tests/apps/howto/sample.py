"""The sample of the HOWTO "Use Python in the web": a generator that shows its environment as an HTML table.

Python runs none of it before the server asks for the first piece, so `start_response` is called only then.
"""

import sys
from html import escape


def app(environ, start_response):
    """The HOWTO's application, in bytes as Python 3 wants them."""
    start_response("200 OK", [("Content-Type", "text/html")])

    yield b"<h1>FastCGI Environment</h1>"
    yield b"<table>"
    for k, v in sorted(environ.items()):
        yield f"<tr><th>{escape(str(k))}</th><td>{escape(str(v))}</td></tr>\n".encode("latin-1")
    yield b"</table>"


def late(environ, start_response):
    """A generator whose status and fields can only arrive if nobody looked for them before its first step."""
    if environ["PATH_INFO"] == "/empty-pieces":
        start_response("404 Not Here", [("Content-Type", "text/plain"), ("X-Answer", "in pieces, some empty")])
        yield b""
        yield b"nothing "
        yield b""
        yield b"here"
        yield b""
    elif environ["PATH_INFO"] == "/no-body":
        start_response("200 Ok", [("Content-Type", "text/plain"), ("X-Answer", "nothing to say")])
    elif environ["PATH_INFO"] == "/replaced":
        try:
            start_response("200 OK", [("Content-Type", "text/plain"), ("X-Draft", "yes")])
            raise LookupError("found out too late")
        except LookupError:
            fields = [("Content-Type", "text/plain"), ("Retry-After", "7")]
            start_response("503 Come Back Later", fields, sys.exc_info())
        yield b"replaced"
    elif environ["PATH_INFO"] == "/raises-first":
        raise RuntimeError("before start_response")
        yield b""
    elif environ["PATH_INFO"] == "/raises-half-way":
        start_response("200 OK", [("Content-Type", "text/plain")])
        yield b"a beginning"
        raise RuntimeError("half-way")
    else:
        start_response(
            "418 I'm a Teapot, Short and Stout",
            [("Content-Type", "text/plain"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("X-MiXed-Case", "Kept")],
        )
        yield b"a body in "
        yield b"two pieces"
