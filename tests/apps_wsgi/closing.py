"""An application that closes the standard descriptors, as one that makes a daemon of itself does."""

from __future__ import annotations

import os

from cases import Cases

application = Cases()
TEXT = [("Content-Type", "text/plain")]

if "CLOSE_WHILE_IMPORTED" in os.environ:
    os.closerange(0, 3)


@application.case
def close(environ, start_response):
    os.closerange(0, 3)
    start_response("200 OK", TEXT)
    return [b"closed"]


@application.case
def close_output(environ, start_response):
    os.close(1)
    start_response("200 OK", TEXT)
    return [b"closed"]


@application.case
def print_and_echo(environ, start_response):
    try:
        os.write(1, b"printed")
    except OSError:
        pass  # It is still closed.
    body = environ["wsgi.input"].read()
    start_response("200 OK", TEXT)
    return [body]


@application.case
def failing(environ, start_response):
    os.write(1, b"printed")
    raise KeyError(environ["PATH_INFO"])


@application.case
def forks(environ, start_response):
    """The child comes back from the call as well."""
    start_response("200 OK", TEXT)
    child = os.fork()
    if child:
        os.waitpid(child, 0)
    return [b"once"]
