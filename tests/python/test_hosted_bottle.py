"""A Bottle application over Millau, as over wsgiref."""

from __future__ import annotations

from pathlib import Path

from comparison import AnswersAsReference
from visitor import MULTIPART, Step, bytes_of, multipart


class TestBottle(AnswersAsReference):
    app = "bottle"
    target = "pages:app"
    volatile_fields = {"etag"}  # made of the path, too
    own_complaints = True  # Bottle prints tracebacks to wsgi.errors

    @classmethod
    def prepare(cls, directory: Path) -> None:
        (directory / "static").mkdir()
        (directory / "static" / "large.bin").write_bytes(bytes_of(1_000_000))

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
