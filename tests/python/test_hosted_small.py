"""Small frameworks over Millau, as over wsgiref: Bottle, Falcon, CherryPy, web.py, Quixote."""

from __future__ import annotations

from pathlib import Path

from comparison import FORM, MULTIPART, AnswersAsReference, Step, bytes_of, multipart

JSON = ("Content-Type", "application/json")


def large_file(directory: Path) -> None:
    (directory / "static").mkdir()
    (directory / "static" / "large.bin").write_bytes(bytes_of(1_000_000))


class TestBottle(AnswersAsReference):
    app = "bottle"
    target = "pages:app"
    volatile_fields = {"etag"}  # made of the path, too
    own_complaints = True  # Bottle prints tracebacks to wsgi.errors
    prepare = staticmethod(large_file)
    flows = {
        "pages": [
            Step("GET", "/hello/%3Cyou%3E", contains="<b>Hello &lt;you&gt;</b>!"),
            Step("HEAD", "/hello/you"),
            Step("GET", "/json?a=%C3%A9", contains='"a": ["\\u00e9"]'),
            Step("GET", "/pieces", contains="piece 0\npiece 1\n"),
            Step("GET", "/pieces", contains="piece 0\npiece 1\n", version="1.0"),
            Step("HEAD", "/pieces"),
            Step(
                "GET", "/nothing", 204, not_validated="Bottle gives a 204 a Content-Type, which the validator forbids"
            ),
            Step("GET", "/status", 299, "liked"),
            Step("GET", "/moved", 303),
            Step("GET", "/denied", 403, "denied"),
            Step("GET", "/none", 404),
            Step("GET", "/fails", 500),
        ],
        "files": [
            Step("GET", "/file/large.bin", contains="000000000062499\n"),
            Step("HEAD", "/file/large.bin"),
            Step("GET", "/file/large.bin", 206, "000000000000001\n", fields=[("Range", "bytes=10-99")]),
            Step(
                "GET",
                "/file/large.bin",
                304,
                fields=lambda visitor: [("If-Modified-Since", visitor.last["Last-Modified"])],
                not_validated="Bottle gives a 304 a Content-Type, which the validator forbids",
            ),
        ],
        "bodies": [
            Step(
                "POST",
                "/upload",
                fields=[MULTIPART],
                body=multipart(note="ä", file=("f.bin", "image/png", bytes_of(500_000))),
                contains='"name": "f.bin"',
            ),
            Step("POST", "/echo", body=bytes_of(300_000), contains="000000000018749\n"),
            Step("PUT", "/echo", body=bytes_of(300_000), chunks=10_000, contains="000000000018749\n"),
        ],
    }


class TestFalcon(AnswersAsReference):
    app = "falcon"
    target = "pages:app"
    own_complaints = True  # Falcon prints tracebacks to wsgi.errors
    prepare = staticmethod(large_file)
    flows = {
        "resources": [
            Step("GET", "/things/one?a=1&b=%C3%A9", contains='"name": "one"'),
            Step("HEAD", "/things/one", 405),
            Step("PUT", "/things/one", 201, '"media": [1]', fields=[JSON], body=b"[1]"),
            Step("PUT", "/things/one", 400, fields=[JSON], body=b"["),
            Step("DELETE", "/things/one", 204),
            Step("PATCH", "/things/one", 409),
            Step("OPTIONS", "/things/one"),
            Step("GET", "/none", 404),
            Step("GET", "/fails", 500),
        ],
        "streams": [
            Step("GET", "/stream?kind=file", contains="000000000062499\n"),
            Step("GET", "/stream?kind=memory", contains="in memory\n"),
            Step("GET", "/stream", contains="piece 1\npiece 3\n"),
            Step("GET", "/static/large.bin", contains="000000000062499\n"),
            Step("GET", "/static/large.bin", 206, "000000000000001\n", fields=[("Range", "bytes=10-99")]),
            Step("GET", "/static/../pages.py", 404),
        ],
        "bodies": [
            Step("POST", "/body", body=bytes_of(300_000), contains="000000000018749\n"),
            Step("POST", "/body", body=bytes_of(300_000), chunks=9000, contains="000000000018749\n"),
            Step("POST", "/body", body=b""),
            Step("POST", "/digest", body=bytes_of(1_000_000)),
            Step(
                "POST",
                "/form",
                fields=[MULTIPART],
                body=multipart(note="x", file=("f.bin", "image/png", bytes_of(300_000))),
                contains='"f.bin"',
            ),
        ],
    }


class TestCherryPy(AnswersAsReference):
    app = "cherrypy"
    target = "pages:application"
    masks = [(r"session_id=\w+", "session_id=..."), (r"expires=[^;]+ GMT", "expires=...")]
    own_complaints = True
    prepare = staticmethod(large_file)
    flows = {
        "pages": [
            Step("GET", "/?a=1&b=%C3%A9", contains="fields"),
            Step("HEAD", "/"),
            Step("GET", "/none/such", 404, "no none/such"),
            Step("GET", "/moved", 303),
            Step("GET", "/pieces", contains="piece 0\npiece 1\n"),
            Step("HEAD", "/pieces"),
            Step("GET", "/fails", 500),
            Step("GET", "/fails_half_way", 500),
            Step("GET", "/visits", contains="visit 1"),
            Step("GET", "/visits", contains="visit 2"),
        ],
        "files": [
            Step("GET", "/file", contains="000000000062499\n"),
            Step("GET", "/file", 206, "000000000000001\n", fields=[("Range", "bytes=10-99")]),
            Step("GET", "/file", 304, fields=lambda visitor: [("If-Modified-Since", visitor.last["Last-Modified"])]),
            Step("GET", "/long", contains="a long line\n"),
            Step("GET", "/long", contains="a long line\n", fields=[("Accept-Encoding", "gzip")]),
            Step("GET", "/long", 304, fields=lambda visitor: [("If-None-Match", visitor.last["ETag"])]),
        ],
        "bodies": [
            Step("POST", "/", fields=[FORM], body=b"a=1&b=2", contains="fields [('a', '1'), ('b', '2')]"),
            Step("POST", "/", fields=[FORM], body=b"a=1&b=2", chunks=2, contains="fields [('a', '1'), ('b', '2')]"),
            Step("POST", "/json", fields=[JSON], body=b'{"a": 1}', contains='{"got": {"a": 1}}'),
            Step("POST", "/json", 400, fields=[JSON], body=b"{"),
            Step(
                "POST",
                "/upload",
                fields=[MULTIPART],
                body=multipart(note="x", file=("f.bin", "image/png", bytes_of(500_000))),
                contains="x, f.bin, ",
            ),
        ],
    }


class TestWebPy(AnswersAsReference):
    app = "webpy"
    target = "pages:application"
    masks = [(r"expires=[^;]+ GMT", "expires=...")]
    own_complaints = True
    flows = {
        "pages": [
            Step("GET", "/hello/you?a=1", contains="Hello you, [('a', '1')]"),
            Step("HEAD", "/hello/you"),
            Step("GET", "/hello/%C3%A9", contains="Hello \xc3\xa9"),
            Step("GET", "/pieces", contains="piece 0\npiece 1\n"),
            Step("GET", "/moved", 303),
            Step("GET", "/cookie", contains="had None"),
            Step("GET", "/cookie", contains="had 1"),
            Step("GET", "/gone", 404, "not here"),
            Step("GET", "/none", 404),
            Step("GET", "/fails", 500),
            Step("DELETE", "/form", 405),
        ],
        "bodies": [
            Step("POST", "/form", fields=[FORM], body=b"a=1&b=2", contains="[('a', '1'), ('b', '2')]"),
            Step("POST", "/form", fields=[MULTIPART], body=multipart(a="1"), contains="[('a', '1')]"),
            Step("PUT", "/form", body=b"put data", contains="put data"),
            Step("PUT", "/form", body=b"put data", chunks=3, contains="put data"),
        ],
    }


class TestQuixote(AnswersAsReference):
    """Quixote's publisher demands that `wsgi.multithread` is false."""

    app = "quixote"
    target = "pages:application"
    arguments = ("--threads", "1")
    masks = [(r"0x[0-9a-f]+", "0x..."), (r"(?s)RuntimeError: a handler that fails.*", "...")]
    own_complaints = True
    flows = {
        "pages": [
            Step("GET", "/", contains="index"),
            Step("HEAD", "/"),
            Step("GET", "/hello?name=you", contains="Hello you"),
            Step("GET", "/pieces", 500, engine_answers=True, name="Quixote chunks by itself, which PEP 3333 forbids"),
            Step("GET", "/pieces?length=known", contains="piece 0\npiece 1\n"),
            Step("GET", "/moved", 302),
            Step("GET", "/denied", 403),
            Step("GET", "/none", 404),
            Step("GET", "/file", contains="A Quixote application"),
            Step("GET", "/fails", 500),
            Step("POST", "/form", fields=[FORM], body=b"a=1&b=2", contains="[('a', '1'), ('b', '2')]"),
            Step("POST", "/form", fields=[MULTIPART], body=multipart(a="1", b="2"), contains="('b', '2')"),
        ],
    }
