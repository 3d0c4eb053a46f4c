"""A CherryPy application over Millau, as over wsgiref: it copies environ and calls `start_response` with exc_info."""

from __future__ import annotations

from pathlib import Path

from comparison import AnswersAsReference
from visitor import FORM, MULTIPART, Step, bytes_of, multipart

JSON = ("Content-Type", "application/json")


class TestCherryPy(AnswersAsReference):
    app = "cherrypy"
    target = "pages:application"
    masks = [(r"session_id=\w+", "session_id=..."), (r"expires=[^;]+ GMT", "expires=...")]
    own_complaints = True

    @classmethod
    def prepare(cls, directory: Path) -> None:
        (directory / "static").mkdir()
        (directory / "static" / "large.bin").write_bytes(bytes_of(1_000_000))

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
