"""A Quixote application over Millau, as over wsgiref: it runs only where `wsgi.multithread` is false."""

from __future__ import annotations

from comparison import AnswersAsReference
from visitor import FORM, MULTIPART, Step, multipart


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
