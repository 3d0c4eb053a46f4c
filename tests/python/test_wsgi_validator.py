"""`wsgiref.validate` between server and application: it asserts what PEP 3333 demands of the server on every call."""

from __future__ import annotations

import pytest
from client import chunked, request_bytes
from server import APPS, Server


@pytest.fixture(scope="module", params=["tcp", "unix", "mounted", "one thread", "streamed"])
def server(request, tmp_path_factory):
    arguments = {
        "tcp": [],
        "unix": ["--bind", f"http+unix:{tmp_path_factory.mktemp('unix')}/socket"],
        "mounted": ["--mount", "/elsewhere=environs:validated"],
        "one thread": ["--threads", "1"],
        "streamed": ["--request-buffer", "0"],
    }[request.param]
    with Server("validated", *arguments, cwd=APPS) as server:
        yield server
        assert "AssertionError" not in server.log()
        assert "without being closed" not in server.log()
        assert "WSGIWarning" not in server.log()


BODIES = {
    "howto": b"<h1>FastCGI Environment</h1>",
    "hello": b"Hello, World!",
    "demo": b"Hello world!",
    "write": b"written, returned",
    "file": b"from a file",
    "empty": b"",
}


@pytest.mark.parametrize("case", BODIES)
@pytest.mark.parametrize("version", ["1.1", "1.0"])
def test_it_finds_nothing_to_complain_about(server, case, version):
    with server.client() as client:
        client.send(request_bytes(target=f"/{case}?q=1", version=version))
        response = client.response()
        assert response.status == 200
        assert response.body.startswith(BODIES[case])


@pytest.mark.parametrize("case", ["howto", "hello", "demo", "file", "empty"])
def test_head(server, case):
    with server.client() as client:
        assert client.request("HEAD", f"/{case}").status == 200
        assert client.request(target="/hello").body == b"Hello, World!"


@pytest.mark.parametrize("method", ["OPTIONS", "POST", "PUT", "DELETE", "TRACE"])
def test_methods(server, method):
    assert server.request(method, "/hello").status == 200


def test_bodies(server):
    body = b"first\nsecond\nthird"
    coding = [("Transfer-Encoding", "chunked")]
    for case in ("echo", "lines"):
        assert server.request("POST", f"/{case}", body=body).body == body
        assert server.request("POST", f"/{case}", coding, chunked(body[:3], body[3:])).body == body


@pytest.mark.parametrize(("case", "status"), [("no_content", 204), ("not_modified", 304), ("errors", 500)])
def test_statuses(server, case, status):
    assert server.get(f"/{case}").status == status


def test_http_1_0_without_host(server):
    with server.client() as client:
        client.send(b"GET /demo HTTP/1.0\r\n\r\n")
        assert client.response().status == 200


def test_options_asterisk(server):
    """`*` is no path: PATH_INFO must then be empty (the validator demands a slash at its start)."""
    response = server.request("OPTIONS", "*")
    assert 200 <= response.status < 300 or response.status == 404, response


def test_the_validator_can_fail(server):
    """What these tests rest on: it does complain when something is wrong."""
    from wsgiref.validate import validator

    with pytest.raises(AssertionError):
        validator(lambda environ, start_response: [])({}, lambda status, headers, exc_info=None: None)
