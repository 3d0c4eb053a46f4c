"""WSGI applications for the access log: who the user is, what was sent, how it ended."""

from __future__ import annotations

import json
from urllib.parse import unquote

from cases import Cases

application = Cases()


@application.case
def user(environ, start_response):
    """The application knows the user and says so in its environ (Zope, repoze.who)."""
    environ["REMOTE_USER"] = json.loads(unquote(environ["QUERY_STRING"]))
    start_response("200 OK", [])
    return [b"hello"]


@application.case
def user_late(environ, start_response):
    """The same within the body."""
    start_response("200 OK", [("Content-Length", "5")])
    yield b"he"
    environ["REMOTE_USER"] = "late"
    yield b"llo"


@application.case
def user_fails(environ, start_response):
    environ["REMOTE_USER"] = "unlucky"
    raise RuntimeError("the user is known, the answer is not")


@application.case
def sized(environ, start_response):
    start_response("200 OK", [])
    return [b"x" * int(environ["QUERY_STRING"])]


@application.case
def streamed(environ, start_response):
    start_response("200 OK", [])
    for _ in range(10):
        yield b"x" * 10


@application.case
def missing(environ, start_response):
    start_response("404 Not Found", [])
    return [b"missing"]


@application.case
def fail(environ, start_response):
    raise ValueError("on purpose")


@application.case
def broken(environ, start_response):
    start_response("200 OK", [])
    yield b"x" * 10
    raise ValueError("on purpose")


@application.case
def file(environ, start_response):
    start_response("200 OK", [])
    return environ["wsgi.file_wrapper"](open(__file__, "rb"))
