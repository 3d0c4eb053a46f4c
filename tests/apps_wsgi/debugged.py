"""A WSGI application whose exceptions hold everything that must not run in a browser."""

from __future__ import annotations

from cases import Cases

application = Cases()


@application.case
def script(environ, start_response):
    attack = "<script>alert('local')</script>"
    raise ValueError(f"<script>alert('message')</script> & \" ' {attack}")


@application.case
def chained(environ, start_response):
    try:
        {}["the cause"]
    except KeyError as error:
        raise RuntimeError("the effect") from error


@application.case
def after_start(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-Before", "1"), ("Content-Length", "5")])
    raise ValueError("after start_response")


@application.case
def mid_stream(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"a beginning"
    raise ValueError("in mid-stream")


@application.case
def own_page(environ, start_response):
    start_response("500 Mine", [("Content-Type", "text/plain")])
    return [b"my own page"]


@application.case
def unicode(environ, start_response):
    raise ValueError("caf\xe9 \u2603 \U0001f600 \udce9")
