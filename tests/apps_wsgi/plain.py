"""Small well-behaved WSGI applications for the tests of connections, limits, processes and load."""

from __future__ import annotations

import json
import os
import threading
from urllib.parse import parse_qs

from cases import Cases
from gate import pass_gate, report

application = Cases()
TEXT = [("Content-Type", "text/plain")]


@application.case
def hello(environ, start_response):
    start_response("200 OK", [*TEXT, ("Content-Length", "5")])
    return [b"hello"]


@application.case
def request(environ, start_response):
    """What arrived, as JSON."""
    body = environ["wsgi.input"].read()
    result = {
        "method": environ["REQUEST_METHOD"],
        "path": environ["PATH_INFO"],
        "query": environ["QUERY_STRING"],
        "length": len(body),
        "body": body[:200].decode("latin-1"),
        "fields": sorted(key for key in environ if key.startswith("HTTP_")),
    }
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(result).encode()]


@application.case
def seen(environ, start_response):
    """Reports its path and query: a test can tell what has reached an application, and what has not."""
    report(environ["PATH_INFO"] + "?" + environ["QUERY_STRING"], method=environ["REQUEST_METHOD"])
    body = environ["wsgi.input"].read()
    start_response("200 OK", TEXT)
    return [b"seen " + environ["QUERY_STRING"].encode() + b" " + body[:100]]


@application.case
def gate(environ, start_response):
    """Stands still until the test lets it go on."""
    pass_gate("gate", query=environ["QUERY_STRING"])
    start_response("200 OK", [*TEXT, ("X-Pid", str(os.getpid()))])
    return [b"passed " + environ["QUERY_STRING"].encode()]


@application.case
def gate_within(environ, start_response):
    """Stands still in the middle of its answer."""
    start_response("200 OK", TEXT)
    yield b"first "
    pass_gate("within", query=environ["QUERY_STRING"])
    yield b"second"


@application.case
def pid(environ, start_response):
    start_response("200 OK", TEXT)
    return [str(os.getpid()).encode()]


@application.case
def bytes_of_size(environ, start_response):
    """`n` bytes, in pieces of `piece`, with a length if `length` is given."""
    asked = {key: int(values[0]) for key, values in parse_qs(environ["QUERY_STRING"]).items()}
    left, piece = asked["n"], asked.get("piece", 65536)
    start_response("200 OK", [*TEXT, *([("Content-Length", str(left))] if "length" in asked else [])])
    while left > 0:
        yield b"x" * min(piece, left)
        left -= piece


@application.case
def fail(environ, start_response):
    raise ValueError("on purpose")


@application.case
def fail_in_stream(environ, start_response):
    start_response("200 OK", TEXT)
    yield b"x" * 1000
    raise ValueError("on purpose")


@application.case
def process(environ, start_response):
    """What the process is made of."""
    start_response("200 OK", [("Content-Type", "application/json")])
    with open("/proc/self/status") as status:
        lines = dict(line.split(":", 1) for line in status)
    result = {
        "pid": os.getpid(),
        "descriptors": len(os.listdir("/proc/self/fd")),
        "resident": int(lines["VmRSS"].split()[0]),
        "python threads": threading.active_count(),
    }
    return [json.dumps(result).encode()]
