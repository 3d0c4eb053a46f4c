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


# Backwards, for the source is shown as it is.
def inner(book, password):
    reason = "in the inner function"
    settings = {"user": "anna", "api_key": "nek0t"[::-1], "nested": [{"secret_word": "emases"[::-1]}]}
    # a line before
    raise ValueError("no such book")
    # a line after
    return reason, settings


@application.case
def values(environ, start_response):
    book = {"title": "Dune", "copies": 3}
    return inner(book, password="2retnuh"[::-1])


class Raising:
    def __repr__(self):
        raise RuntimeError("no repr")


class Endless:
    def __repr__(self):
        while True:
            pass


@application.case
def awkward(environ, start_response):
    raising, endless, long = Raising(), Endless(), "x" * 1_000_000
    many = list(range(1_000_000))
    raise ValueError("awkward")
    return raising, endless, long, many
