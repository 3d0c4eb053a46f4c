"""A Pyramid application, loaded from an ini file, over Millau, as over wsgiref."""

from __future__ import annotations

from pathlib import Path

from comparison import AnswersAsReference
from visitor import FORM, MULTIPART, Step, bytes_of, multipart


class TestPyramid(AnswersAsReference):
    app = "pyramid"
    target = "paste:pyramid.ini"
    masks = [(r"session=[\w.-]+", "session=...")]

    @classmethod
    def prepare(cls, directory: Path) -> None:
        (directory / "large.bin").write_bytes(bytes_of(3_000_000))

    flows = {
        "pages": [
            Step("GET", "/hello/J%C3%BCrgen", contains="Hello J\xc3\xbcrgen"),
            Step("HEAD", "/hello/you"),
            Step("GET", "/inbox/letter/path/a/b%20c?x=1&x=2", contains='"subpath": ["a", "b c"]'),
            Step("GET", "/path", contains='"keys": ["inbox"]'),
            Step("GET", "/none", 404, "not here"),
            Step("GET", "/pieces", contains="piece 1\npiece 3\n"),
            Step("GET", "/pieces", contains="piece 1\npiece 3\n", version="1.0"),
            Step("HEAD", "/pieces"),
            Step("GET", "/callback", contains="called back"),
            Step("GET", "/error/found", 302),
            Step("GET", "/error/unauthorized", 401),
            Step("GET", "/error/not-found", 404),
            Step("GET", "/error/any", 500, engine_answers=True),
            Step("GET", "/hello/again", contains="Hello again"),
        ],
        "session": [
            Step("GET", "/visits", contains='{"visits": 1, "flashed": 1}'),
            Step("GET", "/visits", contains='{"visits": 2, "flashed": 2}'),
        ],
        "files": [
            Step("GET", "/file", contains="000000000187499\n"),
            Step("HEAD", "/file"),
            Step("GET", "/file", 304, fields=lambda visitor: [("If-Modified-Since", visitor.last["Last-Modified"])]),
            Step("GET", "/file", 206, "000000000000001\n", fields=[("Range", "bytes=10-99")]),
            Step("GET", "/file", 206, "000000000187499\n", fields=[("Range", "bytes=-17")]),
            Step("GET", "/file", 416, fields=[("Range", "bytes=9000000-")]),
            Step("GET", "/file_iter", contains="000000000187499\n"),
            Step("GET", "/file_iter", 206, fields=[("Range", "bytes=0-15")], contains="000000000000000\n"),
            Step("GET", "/static/style.css", contains="teal"),
            Step("GET", "/static/../pages.py", 404),
        ],
        "bodies": [
            Step("POST", "/upload", fields=[FORM], body=b"a=1&b=%C3%A9", contains='"b": "\\u00e9"'),
            Step("POST", "/upload", fields=[FORM], body=b"a=1&b=%C3%A9", chunks=5, contains='"b": "\\u00e9"'),
            Step(
                "POST",
                "/upload",
                fields=[MULTIPART],
                body=multipart(note="x", file=("f.bin", "image/png", bytes_of(2_000_000))),
                contains='["f.bin", "image/png", "',
            ),
            Step(
                "POST",
                "/upload",
                fields=[MULTIPART],
                body=multipart(note="x", file=("f.bin", "image/png", bytes_of(200_000))),
                chunks=9999,
                contains='["f.bin", "image/png", "',
            ),
            Step("PUT", "/echo", body=bytes_of(300_000), contains="000000000018749\n"),
            Step("PUT", "/echo", body=bytes_of(300_000), chunks=4096, contains="000000000018749\n"),
            Step("PUT", "/echo", body=bytes_of(1000), expect_continue=True, name="PUT after 100 (Continue)"),
            Step("GET", "/echo"),
            Step("POST", "/json", body=b'{"a": [1, 2]}', contains='{"got": {"a": [1, 2]}}'),
            Step("GET", "/upload", 404),
        ],
    }
