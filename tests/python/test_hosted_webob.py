"""WebOb applications and middleware over Millau, as over wsgiref."""

from __future__ import annotations

from comparison import AnswersAsReference
from visitor import FORM, MULTIPART, Step, bytes_of, multipart


class TestWebOb(AnswersAsReference):
    app = "webob"
    target = "pages:application"
    flows = {
        "requests": [
            Step("GET", "/show?a=1&b=%C3%A9", contains='"environ is a dict":true'),
            Step("GET", "/show/%C3%A9%20%25", contains='"path":"/show/%C3%A9%20%25"'),
            Step("GET", "/show", fields=[("Accept", "text/html;q=0.8"), ("Range", "bytes=1-2")]),
            Step("GET", "/show", fields=[("Cookie", "a=1; b=2")], contains='"cookies":{"a":"1","b":"2"}'),
            Step("GET", "/show", version="1.0", contains='"protocol":"HTTP/1.0"'),
            Step("POST", "/show?a=1", fields=[FORM], body=b"b=2&b=3", contains='["b","3"]'),
            Step("POST", "/show", fields=[FORM], body=b"b=2&b=3", chunks=2, contains='["b","3"]'),
            Step("POST", "/show", fields=[MULTIPART], body=multipart(a="1", b="2"), contains='["b","2"]'),
            Step("GET", "/blank", contains='"remote":"192.0.2.1"'),
            Step("GET", "/none", 404),
            Step("GET", "/redirect", 303),
        ],
        "bodies": [
            Step("POST", "/echo", body=bytes_of(500_000), contains="000000000000001\n"),
            Step("POST", "/echo", body=bytes_of(500_000), chunks=10_000, contains="000000000000001\n"),
            Step("POST", "/echo", body=b""),
            Step("POST", "/echo", body=b"", chunks=1, name="empty chunked body"),
            Step("POST", "/pieces", body=b"a line\n" + bytes_of(50_000), contains='["a line\\n","'),
            Step("POST", "/pieces", body=b"a line\n" + bytes_of(50_000), chunks=777, contains='["a line\\n","'),
            Step("POST", "/twice", body=b"again", contains="again|again"),
            Step("POST", "/twice", body=bytes_of(100_000), chunks=5000, contains="|000000000000000\n"),
            Step("POST", "/unread", body=bytes_of(200_000), contains="did not look"),
            Step("POST", "/unread", body=bytes_of(200_000), chunks=5000, contains="did not look"),
            Step("POST", "/echo", body=b"after", contains="after"),
        ],
        "responses": [
            Step("GET", "/conditional", contains="000000000019999\n"),
            Step("HEAD", "/conditional"),
            Step("GET", "/conditional", 304, fields=lambda visitor: [("If-None-Match", visitor.last["ETag"])]),
            Step("GET", "/conditional", 304, fields=[("If-Modified-Since", "Sun, 09 Sep 2001 01:46:40 GMT")]),
            Step("GET", "/conditional", 206, "000000000000002\n", fields=[("Range", "bytes=16-63")]),
            Step("GET", "/conditional", 206, "000000000019999\n", fields=[("Range", "bytes=-20")]),
            Step("GET", "/conditional", 416, fields=[("Range", "bytes=400000-")]),
            Step("GET", "/cookies", contains="cookies"),
            Step("GET", "/own_status", contains="shouted"),
        ],
    }


class TestMiddleware(AnswersAsReference):
    app = "webob"
    target = "pages:shouting"
    flows = {
        "shouted": [
            Step("GET", "/own_status", contains="SHOUTED"),
            Step("HEAD", "/own_status"),
            Step("GET", "/conditional", 206, "000000000000002\n", fields=[("Range", "bytes=16-63")]),
            Step("POST", "/echo", body=b"quiet", contains="quiet"),
            Step("GET", "/none", 404),
        ]
    }
