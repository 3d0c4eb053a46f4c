"""WSGI applications that show their environ. `mounted` and `deeper` are the same under other names."""

from __future__ import annotations

import json
import os
from wsgiref.util import request_uri
from wsgiref.validate import validator

from cases import Cases

TEXT = [("Content-Type", "application/json")]


def shown(value):
    """A JSON form of an environ value: text and numbers as they are, tuples as lists, objects by their type."""
    if value is None or type(value) in (str, int, bool):
        return value
    if type(value) is tuple:
        return list(value)
    return f"<{type(value).__name__}>"


def show(environ, start_response, name="root"):
    result = {
        "application": name,
        "environ": {key: shown(value) for key, value in environ.items()},
        "exactly dict": type(environ) is dict,
        "uri": request_uri(environ),
        "pid": os.getpid(),
    }
    start_response("200 OK", TEXT)
    return [json.dumps(result).encode()]


application = show


def mounted(environ, start_response):
    return show(environ, start_response, "mounted")


def deeper(environ, start_response):
    return show(environ, start_response, "deeper")


validated = validator(show)

writing = Cases()


@writing.case
def spoil(environ, start_response):
    """Does to its environ what only the owner may do."""
    environ["wsgi.errors"].write("")
    environ["spoiled"] = "yes"
    environ["SERVER_NAME"] = "spoiled.example"
    environ["wsgi.url_scheme"] = "spoiled"
    del environ["REQUEST_METHOD"]
    copied = environ.copy()
    environ.clear()
    environ.update(copied)
    start_response("200 OK", TEXT)
    return [b"{}"]


@writing.case
def look(environ, start_response):
    return show(environ, start_response)
