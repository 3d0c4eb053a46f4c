"""Well-behaved WSGI applications, each wrapped in `wsgiref.validate.validator`: a complaint is a fault of the server."""

from __future__ import annotations

import html
import io
from wsgiref.simple_server import demo_app
from wsgiref.validate import validator

from cases import Cases

TEXT = [("Content-Type", "text/plain; charset=utf-8")]
cases = Cases()


@cases.case
def howto(environ, start_response):
    """The sample of the Python documentation's "Use Python in the web", in today's Python."""
    start_response("200 OK", [("Content-Type", "text/html")])
    yield b"<h1>FastCGI Environment</h1>"
    yield b"<table>"
    for key, value in sorted(environ.items()):
        yield f"<tr><th>{html.escape(key)}</th><td>{html.escape(str(value))}</td></tr>".encode()
    yield b"</table>"


@cases.case
def hello(environ, start_response):
    start_response("200 OK", TEXT)
    return [b"Hello, World!"]


@cases.case
def demo(environ, start_response):
    return demo_app(environ, start_response)


@cases.case
def echo(environ, start_response):
    body = environ["wsgi.input"].read(100_000)
    start_response("200 OK", [*TEXT, ("Content-Length", str(len(body)))])
    return [body]


@cases.case
def lines(environ, start_response):
    first = environ["wsgi.input"].readline()
    rest = list(environ["wsgi.input"])
    environ["wsgi.errors"].write("read lines\n")
    environ["wsgi.errors"].writelines(["more\n"])
    environ["wsgi.errors"].flush()
    start_response("200 OK", TEXT)
    return [first, *rest]


@cases.case
def write(environ, start_response):
    write = start_response("200 OK", TEXT)
    write(b"written, ")
    return [b"returned"]


@cases.case
def no_content(environ, start_response):
    start_response("204 No Content", [])
    return []


@cases.case
def not_modified(environ, start_response):
    start_response("304 Not Modified", [("ETag", '"a"')])
    return []


@cases.case
def file(environ, start_response):
    start_response("200 OK", TEXT)
    return environ["wsgi.file_wrapper"](io.BytesIO(b"from a file"))


@cases.case
def empty(environ, start_response):
    start_response("200 OK", TEXT)
    return iter([])


@cases.case
def errors(environ, start_response):
    import sys

    start_response("200 OK", TEXT)
    try:
        raise ValueError("on purpose")
    except ValueError:
        start_response("500 On Purpose", TEXT, sys.exc_info())
    return [b"an error page"]


application = validator(cases)
