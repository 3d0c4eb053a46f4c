"""A Flask application over Millau, as over wsgiref."""

from __future__ import annotations

from pathlib import Path

from comparison import AnswersAsReference, AnswersManyAtOnce
from visitor import FORM, MULTIPART, Step, bytes_of, multipart

JSON = ("Content-Type", "application/json")
BINARY = ("Content-Type", "application/octet-stream")

READ_ALL = "Werkzeug calls wsgi.input.read() without a size, which PEP 3333 allows and the validator does not"


class TestFlask(AnswersManyAtOnce):
    app = "flask"
    target = "pages:app"
    masks = [
        (r"session=[\w.-]+", "session=..."),
        (r'^("\d+\.\d+-\d+-)\d+"$', r'\1..."'),  # the ETag of a file has its path in it
    ]
    at_once = ["pages", "session", "files", "bodies"]
    own_complaints = True  # a failing view is logged

    @classmethod
    def prepare(cls, directory: Path) -> None:
        (directory / "large.bin").write_bytes(bytes_of(3_000_000))

    flows = {
        "pages": [
            Step("GET", "/", contains="&lt;two&gt;"),
            Step("HEAD", "/"),
            Step("OPTIONS", "/"),
            Step("GET", "/static/style.css", contains="teal"),
            Step("GET", "/item/7?q=%C3%A4", contains="item 7 \xc3\xa4"),
            Step("GET", "/gr%C3%BCn", 404, '"path":"/gr\\u00fcn"'),
            Step("GET", "/item/x", 404, '"path":"/item/x"'),
            Step("POST", "/", 405, body=b""),
            Step("GET", "/error/418", 418),
            Step("GET", "/error/401", 401),
            Step("GET", "/fails", 500, "Internal Server Error"),
            Step("GET", "/many", 203, "many fields"),
        ],
        "session": [
            Step("GET", "/visits", contains="visit 1"),
            Step("GET", "/visits", contains="visit 2"),
            Step("GET", "/", contains='<b class="note">counted</b>'),
            Step("GET", "/leave", 302),
            Step("GET", "/visits", contains="visit 1"),
        ],
        "streams": [
            Step("GET", "/stream?name=me", contains="from me!\n"),
            Step("GET", "/stream?name=me", version="1.0", contains="from me!\n"),
            Step("HEAD", "/stream?name=me"),
            Step("GET", "/stream/counted", contains="0\n1\n2\n"),
            Step("HEAD", "/stream/counted"),
            Step("GET", "/stream/closed", contains='{"closed":2,"made":2}'),
        ],
        "files": [
            Step("GET", "/file", contains="000000000187499\n"),
            Step("HEAD", "/file"),
            Step("GET", "/file", 304, fields=lambda visitor: [("If-None-Match", visitor.last["ETag"])]),
            Step("GET", "/file", 206, "000000000000001\n", fields=[("Range", "bytes=10-99")]),
            Step("GET", "/file", 206, "000000000187499\n", fields=[("Range", "bytes=1000000-")]),
            Step("GET", "/file", 206, "000000000187499\n", fields=[("Range", "bytes=-17")]),
            Step("GET", "/file", 416, fields=[("Range", "bytes=9000000-")]),
            Step("GET", "/files/style.css", contains="teal"),
            Step(
                "GET",
                "/files/style.css",
                304,
                fields=lambda visitor: [("If-Modified-Since", visitor.last["Last-Modified"])],
            ),
            Step("GET", "/files/../pages.py", 404),
            Step("GET", "/memory", contains="in memory\n"),
            Step("GET", "/memory", 206, fields=[("Range", "bytes=0-0")]),
        ],
        "bodies": [
            Step("POST", "/upload", fields=[FORM], body=b"a=1&a=2&b=%C3%A9", contains='"a":["1","2"]'),
            Step("POST", "/upload", fields=[FORM], body=b"a=1&a=2", chunks=3, contains='"a":["1","2"]'),
            Step(
                "POST",
                "/upload",
                fields=[MULTIPART],
                body=multipart(note="\u00e4", file=("f.bin", "image/png", bytes_of(2_000_000))),
                contains='["f.bin","image/png","',
            ),
            Step(
                "POST",
                "/upload",
                fields=[MULTIPART],
                body=multipart(file=("f.bin", "image/png", bytes_of(2_000_000))),
                chunks=50_000,
                contains='["f.bin","image/png","',
            ),
            Step(
                "POST",
                "/upload",
                fields=[MULTIPART],
                body=multipart(file=("f.bin", "image/png", bytes_of(100_000))),
                expect_continue=True,
                name="upload after 100 (Continue)",
            ),
            Step("POST", "/echo", fields=[BINARY], body=bytes_of(300_000), contains="000000000018749\n"),
            Step("POST", "/echo", fields=[BINARY], body=bytes_of(300_000), chunks=4096, contains="000000000018749\n"),
            Step("PUT", "/echo", fields=[BINARY], body=b""),
            Step("POST", "/json", fields=[JSON], body='{"ä": [1, null]}'.encode(), contains="[1,null]"),
            Step("POST", "/json", fields=[JSON], body=b"[" + b"1," * 50_000 + b"2]", chunks=1000, contains="1,1,2]"),
            Step("POST", "/json", 400, fields=[JSON], body=b"{"),
            Step("POST", "/json", 415, body=b"{}"),
            Step("POST", "/lines", body=b"one\ntwo\n\nlast", contains='["one\\n","two\\n","\\n","last"]'),
            Step("POST", "/lines", body=b"one\ntwo\n\nlast", chunks=2, contains='["one\\n","two\\n","\\n","last"]'),
            Step("POST", "/echo", 413, fields=[BINARY], body=bytes(17_000_000), name="larger than Flask allows"),
            Step("PUT", "/echo", fields=[BINARY], body=b"after", contains="after"),
        ],
    }


class TestUnlimited(AnswersAsReference):
    """Without a limit of its own Werkzeug trusts `wsgi.input_terminated`: a read must end with the body."""

    app = "flask"
    target = "pages:unlimited"
    flows = {
        "bodies": [
            Step("POST", "/echo", body=bytes_of(300_000), contains="000000000018749\n", not_validated=READ_ALL),
            Step(
                "POST",
                "/echo",
                body=bytes_of(300_000),
                chunks=5000,
                contains="000000000018749\n",
                not_validated=READ_ALL,
            ),
            Step("POST", "/echo", body=b"", not_validated=READ_ALL),
            Step("POST", "/form", fields=[FORM], body=b"a=1", contains='"a":"1"', not_validated=READ_ALL),
            Step("POST", "/form", fields=[FORM], body=b"a=1", chunks=1, contains='"a":"1"', not_validated=READ_ALL),
            Step("GET", "/echo", 405),
        ]
    }
