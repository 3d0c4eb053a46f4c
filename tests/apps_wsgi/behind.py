"""What is asked through a front server, in tests/python/test_interop_*.py. The first segment of the path names the case."""

from __future__ import annotations

import hashlib
import json
import os
import signal
from urllib.parse import parse_qs

from cases import Cases
from environs import shown
from gate import pass_gate, report

application = Cases()
TEXT = [("Content-Type", "text/plain")]


def asked(environ):
    return {key: values[0] for key, values in parse_qs(environ["QUERY_STRING"]).items()}


PERIOD = 999_983
BLOCK = b"".join(b"%07x " % number for number in range(PERIOD // 8 + 1))[:PERIOD]


def pattern(start: int, length: int) -> bytes:
    """Bytes of an endless text that repeats after a prime number of them, so that a piece in a wrong place shows."""
    offset = start % PERIOD
    return (BLOCK * (2 + length // PERIOD))[offset : offset + length]


@application.case
def hello(environ, start_response):
    start_response("200 OK", [*TEXT, ("Content-Length", "5")])
    return [b"hello"]


@application.case
def environ(environ, start_response):
    """The environ as JSON, with what came of the body."""
    body = environ["wsgi.input"].read()
    result = {
        "environ": {key: shown(value) for key, value in environ.items()},
        "length": len(body),
        "digest": hashlib.sha256(body).hexdigest(),
    }
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(result).encode()]


@application.case
def echo(environ, start_response):
    """The body as it came, piece by piece."""
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return iter(lambda: environ["wsgi.input"].read(65536), b"")


@application.case
def unread(environ, start_response):
    """Answers without a look at the body."""
    start_response("200 OK", TEXT)
    return [b"unread"]


@application.case
def size(environ, start_response):
    """`n` bytes of the pattern; with their length if `length` is given."""
    n = int(asked(environ)["n"])
    start_response("200 OK", [*TEXT, *([("Content-Length", str(n))] if "length" in asked(environ) else [])])
    for start in range(0, n, 65536):
        yield pattern(start, min(65536, n - start))


@application.case
def stream(environ, start_response):
    """Stands still behind its first block until the test lets it go on."""
    start_response("200 OK", TEXT)
    yield b"first"
    pass_gate("stream")
    yield b"second"


class Endless:
    """Says when it is closed."""

    def __iter__(self):
        return self

    def __next__(self) -> bytes:
        return b"x" * 4096

    def close(self) -> None:
        report("closed")


@application.case
def endless(environ, start_response):
    start_response("200 OK", TEXT)
    return Endless()


@application.case
def names_a_file(environ, start_response):
    """As frameworks have the front server send a file: its length, and no body."""
    what = asked(environ)
    fields = [(what["field"], what["file"]), ("Content-Type", "text/x-named"), ("Content-Length", what["length"])]
    start_response("200 OK", fields)
    return []


@application.case
def fail(environ, start_response):
    raise ValueError("on purpose")


@application.case
def fail_in_stream(environ, start_response):
    start_response("200 OK", [*TEXT, ("Content-Length", "1000000")])
    yield b"x" * 1000
    raise ValueError("on purpose")


@application.case
def fail_without_length(environ, start_response):
    start_response("200 OK", TEXT)
    yield b"x" * 1000
    raise ValueError("on purpose")


@application.case
def killed_in_stream(environ, start_response):
    start_response("200 OK", TEXT)
    yield b"x" * 1000
    os.kill(os.getpid(), signal.SIGKILL)


@application.case
def killed(environ, start_response):
    """With the whole server, before anything is answered; for one that is a session of its own."""
    os.killpg(os.getsid(0), signal.SIGKILL)


@application.case
def killed_with_length(environ, start_response):
    start_response("200 OK", [*TEXT, ("Content-Length", "100000")])
    yield b"x" * 1000
    os.killpg(os.getsid(0), signal.SIGKILL)


@application.case
def status(environ, start_response):
    """The status that is asked for, with a body where there may be one."""
    line = asked(environ)["line"]
    body = b"" if line[:3] in ("204", "304") else b"the application's own words"
    start_response(line, TEXT if body else [])
    return [body] if body else []


@application.case
def redirect(environ, start_response):
    start_response("302 Found", [*TEXT, ("Location", asked(environ)["to"])])
    return [b"elsewhere"]


@application.case
def cookies(environ, start_response):
    """Two cookies, and what came."""
    fields = [*TEXT, ("Set-Cookie", "a=1; Path=/"), ("Set-Cookie", "b=2; Path=/; HttpOnly")]
    start_response("200 OK", fields)
    return [environ.get("HTTP_COOKIE", "").encode("latin-1")]


@application.case
def fields(environ, start_response):
    """Many fields, a long one, one that is not ASCII and an empty one."""
    long = "l" * int(asked(environ).get("long", "6000"))
    many = [(f"X-Field-{number}", f"value {number}") for number in range(int(asked(environ).get("many", "60")))]
    start_response("200 OK", [*TEXT, *many, ("X-Long", long), ("X-Latin", "caf\xe9"), ("X-Empty", "")])
    return [b"fields"]


@application.case
def length(environ, start_response):
    """Has a length, also where the request is HEAD."""
    start_response("200 OK", [*TEXT, ("Content-Length", "12345")])
    return [b"x" * 12345]


@application.case
def who(environ, start_response):
    start_response("200 OK", TEXT)
    return [environ.get("REMOTE_USER", "nobody").encode("latin-1")]


@application.case
def pid(environ, start_response):
    start_response("200 OK", TEXT)
    return [str(os.getpid()).encode()]
