"""WhiteNoise over Millau, as over wsgiref: whole files, and slices that have no descriptor."""

from __future__ import annotations

import gzip
from pathlib import Path

from comparison import AnswersAsReference
from visitor import Step, bytes_of

UNTYPED = "WhiteNoise gives no Content-Type here, which the validator demands"


def prepare_files(directory: Path) -> None:
    static = directory / "static"
    (static / "large.bin").write_bytes(bytes_of(3_000_000))
    (static / "long.txt").write_bytes(b"a long line\n" * 1000)
    (static / "long.txt.gz").write_bytes(gzip.compress(b"a long line\n" * 1000, mtime=0))
    (static / "empty.txt").write_bytes(b"")


def ranges(name: str) -> list[Step]:
    """WhiteNoise answers a Range with a `SlicedFile`: a file object whose `fileno()` raises."""
    return [
        Step("GET", name, contains="000000000187499\n"),
        Step("GET", name, 206, "000000000000001\n", fields=[("Range", "bytes=10-99")]),
        Step("GET", name, 206, "000000000187499\n", fields=[("Range", "bytes=1500000-")]),
        Step("GET", name, 206, "000000000187499\n", fields=[("Range", "bytes=-17")]),
        Step("GET", name, 206, "00", fields=[("Range", "bytes=0-1")]),
        Step("HEAD", name, 206, fields=[("Range", "bytes=10-99")]),
        Step("GET", name, 416, fields=[("Range", "bytes=9000000-")], not_validated=UNTYPED),
        Step("GET", name, 206, "000000000000001\n", fields=[("Range", "bytes=10-99")], version="1.0"),
        Step("GET", name, contains="000000000000001\n", fields=[("Range", "lines=1-2")]),
    ]


class TestWhiteNoise(AnswersAsReference):
    app = "whitenoise"
    target = "pages:application"
    flows = {
        "files": [
            Step("GET", "/static/style.0123abcd.css", contains="teal"),
            Step("HEAD", "/static/style.0123abcd.css"),
            Step(
                "GET",
                "/static/style.0123abcd.css",
                304,
                fields=lambda visitor: [("If-Modified-Since", visitor.last["Last-Modified"])],
            ),
            Step("GET", "/static/large.bin", 304, fields=[("If-Modified-Since", "Fri, 01 Jan 2100 00:00:00 GMT")]),
            Step("GET", "/static/gr%C3%BCn.txt", contains="gr\xc3\xbcn"),
            Step("GET", "/static/folder/", contains="<h1>index</h1>"),
            Step("GET", "/static/folder", 302, not_validated=UNTYPED),
            Step("GET", "/static/empty.txt"),
            Step("POST", "/static/large.bin", 405, body=b"x", not_validated=UNTYPED),
            Step("GET", "/static/none.txt", contains="behind WhiteNoise: /static/none.txt"),
            Step("GET", "/other", contains="behind WhiteNoise: /other"),
        ],
        "ranges": ranges("/static/large.bin"),
        "compressed": [
            Step("GET", "/static/long.txt", contains="a long line\n"),
            Step("GET", "/static/long.txt", contains="a long line\n", fields=[("Accept-Encoding", "gzip, br")]),
            Step("HEAD", "/static/long.txt", fields=[("Accept-Encoding", "gzip")]),
            Step("GET", "/static/long.txt", 206, fields=[("Accept-Encoding", "gzip"), ("Range", "bytes=0-")]),
        ],
    }
    prepare = staticmethod(prepare_files)


class TestAutorefresh(AnswersAsReference):
    app = "whitenoise"
    target = "pages:looking"
    flows = {
        "files": [
            Step("GET", "/late/style.0123abcd.css", contains="teal"),
            Step("GET", "/late/../pages.py", contains="behind WhiteNoise"),
        ],
        "ranges": ranges("/late/large.bin"),
    }
    prepare = staticmethod(prepare_files)
