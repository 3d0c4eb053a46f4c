"""A web.py application over Millau, as over wsgiref: its iterables end with an empty piece."""

from __future__ import annotations

from comparison import AnswersAsReference
from visitor import FORM, MULTIPART, Step, multipart


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
