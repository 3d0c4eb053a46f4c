"""Request smuggling (RFC 9112 §11.2): whatever two readers could understand differently is refused as a whole.

The corpus under tests/wire says what the parser does with each form; this shows on a live connection that nothing
behind a doubtful request is ever taken for a request, and that the connection is given up.
"""

from __future__ import annotations

import contextlib

import pytest
from client import request_bytes
from server import APPS, Server


@pytest.fixture(scope="module", params=["buffered", "streamed"])
def server(request, module_gate):
    arguments = ["--request-buffer", "0"] if request.param == "streamed" else []
    with Server("plain", *arguments, cwd=APPS, env=module_gate.environment) as server:
        yield server


INNER = b"GET /seen?smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST /seen?outer HTTP/1.1\r\nHost: a\r\n"

DOUBTFUL = {
    "length and coding": POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + INNER,
    "coding and length": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + INNER,
    "two lengths": POST + b"Content-Length: 0\r\nContent-Length: 44\r\n\r\n" + INNER,
    "list of lengths": POST + b"Content-Length: 0, 44\r\n\r\n" + INNER,
    "length with sign": POST + b"Content-Length: +0\r\n\r\n" + INNER,
    "length in hexadecimal": POST + b"Content-Length: 0x0\r\n\r\n" + INNER,
    "length with underscore": POST + b"Content-Length: 0_0\r\n\r\n" + INNER,
    "negative length": POST + b"Content-Length: -1\r\n\r\n" + INNER,
    "length is empty": POST + b"Content-Length: \r\n\r\n" + INNER,
    "length in other digits": POST + b"Content-Length: \xd9\xa0\r\n\r\n" + INNER,
    "space before the colon": POST + b"Content-Length : 44\r\n\r\n" + INNER,
    "space before the colon of the coding": POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + INNER,
    "coding with vertical tab": POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n" + INNER,
    "unknown coding": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + INNER,
    "coding identity": POST + b"Transfer-Encoding: identity\r\nContent-Length: 0\r\n\r\n" + INNER,
    "chunked not last": POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n" + INNER,
    "chunked twice": POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n" + INNER,
    "two codings": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + INNER,
    "coding in HTTP/1.0": b"POST /seen?outer HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + INNER,
    "folded coding": POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n" + INNER,
    "folded field": POST + b"X-A: b\r\n Content-Length: 44\r\n\r\n" + INNER,
    "bare LF in head": POST + b"X-A: b\nContent-Length: 44\r\n\r\n" + INNER,
    "bare CR in head": POST + b"X-A: b\rContent-Length: 44\r\n\r\n" + INNER,
    "NUL in value": POST + b"X-A: b\0c\r\n\r\n" + INNER,
    "LF LF as end": b"POST /seen?outer HTTP/1.1\nHost: a\n\n" + INNER,
    "first field is folded": b"POST /seen?outer HTTP/1.1\r\n Host: a\r\n\r\n" + INNER,
    "two hosts": b"GET /seen?outer HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" + INNER,
    "no host": b"GET /seen?outer HTTP/1.1\r\n\r\n" + INNER,
    "host with user": b"GET /seen?outer HTTP/1.1\r\nHost: user@a\r\n\r\n" + INNER,
    "host with path": b"GET /seen?outer HTTP/1.1\r\nHost: a/b\r\n\r\n" + INNER,
    "field without colon": POST + b"Content-Length 44\r\n\r\n" + INNER,
    "empty field name": POST + b": 44\r\n\r\n" + INNER,
    "version 1.10": b"GET /seen?outer HTTP/1.10\r\nHost: a\r\n\r\n" + INNER,
    "version in lower case": b"GET /seen?outer http/1.1\r\nHost: a\r\n\r\n" + INNER,
    "no version": b"GET /seen?outer\r\n\r\n" + INNER,
    "space in target": b"GET /seen?outer x HTTP/1.1\r\nHost: a\r\n\r\n" + INNER,
    "tab in request line": b"GET\t/seen?outer\tHTTP/1.1\r\nHost: a\r\n\r\n" + INNER,
}


def sent_and_seen(server, gate, data: bytes) -> tuple[bytes, list[str]]:
    """What the client got for some bytes, and what the application has seen."""
    gate.forget()
    with server.client() as client:
        with contextlib.suppress(ConnectionError):
            client.send(data)
        got = client.rest()
    assert server.get("/seen?end").status == 200
    seen = []
    while (name := gate.next().name) != "/seen?end":
        seen.append(name)
    return got, seen


@pytest.mark.parametrize("data", DOUBTFUL.values(), ids=DOUBTFUL.keys())
def test_a_doubtful_head_is_refused_and_nothing_behind_it_is_read(server, module_gate, data):
    got, seen = sent_and_seen(server, module_gate, data)
    assert got.split(b" ")[1] in (b"400", b"501", b"505"), got
    assert got.count(b"HTTP/1.1 4") + got.count(b"HTTP/1.1 5") == 1
    assert b"HTTP/1.1 2" not in got
    assert seen == []


CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"

DOUBTFUL_BODIES = {
    "size with sign": CHUNKED + b"+0\r\n\r\n" + INNER,
    "size with 0x": CHUNKED + b"0x0\r\n\r\n" + INNER,
    "size with underscore": CHUNKED + b"0_0\r\n\r\n" + INNER,
    "size with space before": CHUNKED + b" 0\r\n\r\n" + INNER,
    "size is empty": CHUNKED + b"\r\n\r\n" + INNER,
    "size that wraps to zero": CHUNKED + b"10000000000000000\r\n\r\n" + INNER,
    "size that wraps in 32 bits": CHUNKED + b"100000000\r\n\r\n" + INNER,
    "bare LF after size": CHUNKED + b"0\n\r\n" + INNER,
    "bare CR after size": CHUNKED + b"0\r\r\n" + INNER,
    "LF in extension": CHUNKED + b"0;a\nb\r\n\r\n" + INNER,
    "bare LF after data": CHUNKED + b"1\r\nx\n0\r\n\r\n" + INNER,
    "data longer than its size": CHUNKED + b"1\r\nxy\r\n0\r\n\r\n" + INNER,
    "bare LF as end": CHUNKED + b"0\r\n\n" + INNER,
    "folded trailer": CHUNKED + b"0\r\nX-A: b\r\n c\r\n\r\n" + INNER,
    "trailer without colon": CHUNKED + b"0\r\nX-A\r\n\r\n" + INNER,
}


@pytest.mark.parametrize("data", DOUBTFUL_BODIES.values(), ids=DOUBTFUL_BODIES.keys())
def test_behind_a_doubtful_body_nothing_is_read(server, module_gate, data):
    """The outer request may have reached the application when its body turns out to be bad; nothing else may."""
    got, seen = sent_and_seen(server, module_gate, data)
    assert got.split(b" ")[1] in (b"400", b"413"), got
    assert got.count(b"HTTP/1.1 ") == 1
    assert seen in ([], ["/seen?outer"])


def test_the_same_length_twice_is_refused_or_one(server, module_gate):
    """RFC 9112 §6.3 allows both; what is not allowed is a wrong end of the body."""
    head = POST + b"Content-Length: 3\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc"
    got, seen = sent_and_seen(server, module_gate, head + INNER)
    if seen:
        assert seen == ["/seen?outer"]
        assert got.endswith(b"seen outer abc")
    else:
        assert got.startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("field", ["Content-Length: 44", "Transfer-Encoding: chunked", "Host: evil"])
def test_trailers_change_nothing(server, module_gate, field):
    data = CHUNKED + b"3\r\nabc\r\n0\r\n" + field.encode() + b"\r\n\r\n"
    last = request_bytes(target="/seen?next", fields=[("Connection", "close")])
    got, seen = sent_and_seen(server, module_gate, data + last)
    if seen == ["/seen?outer", "/seen?next"]:
        assert got.count(b"HTTP/1.1 200 ") == 2
    else:
        assert got.startswith(b"HTTP/1.1 400 ")
        assert "/seen?next" not in seen


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "OPTIONS"])
def test_a_body_belongs_to_its_request_whatever_the_method(server, module_gate, method):
    """GET with a body: the length counts (RFC 9110 §9.3.1), or else the body would be the next request."""
    data = request_bytes(method, "/seen?outer", body=INNER) + request_bytes(
        fields=[("Connection", "close")], target="/seen?2"
    )
    _, seen = sent_and_seen(server, module_gate, data)
    assert seen == ["/seen?outer", "/seen?2"]


def test_the_probe_works(server, module_gate):
    """What these tests rest on: a request behind a complete one is seen."""
    _, seen = sent_and_seen(
        server,
        module_gate,
        POST + b"Content-Length: 0\r\n\r\n" + INNER.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"),
    )
    assert seen == ["/seen?outer", "/seen?smuggled"]
