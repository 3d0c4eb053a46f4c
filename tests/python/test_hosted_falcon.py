"""A Falcon application over Millau, as over wsgiref."""

from __future__ import annotations

from pathlib import Path

from comparison import AnswersAsReference
from visitor import MULTIPART, Step, bytes_of, multipart

JSON = ("Content-Type", "application/json")


class TestFalcon(AnswersAsReference):
    app = "falcon"
    target = "pages:app"
    own_complaints = True  # Falcon prints tracebacks to wsgi.errors

    @classmethod
    def prepare(cls, directory: Path) -> None:
        (directory / "static").mkdir()
        (directory / "static" / "large.bin").write_bytes(bytes_of(1_000_000))

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
