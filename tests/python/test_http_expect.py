"""`Expect: 100-continue` (RFC 9110 §10.1.1): sent when the application first asks for the body, and only then."""

from __future__ import annotations

import pytest
from client import chunked, request_bytes
from server import APPS, Server


@pytest.fixture(scope="module", params=["buffered", "streamed"])
def server(request, module_gate):
    arguments = ["--request-buffer", "0"] if request.param == "streamed" else []
    with Server("inputs", *arguments, cwd=APPS, env=module_gate.environment) as server:
        yield server


@pytest.fixture(autouse=True)
def fresh_gate(module_gate):
    module_gate.forget()


EXPECT = ("Expect", "100-continue")
LENGTH = ("Content-Length", "5")
CHUNKED = ("Transfer-Encoding", "chunked")


def nothing_yet(server, client) -> bool:
    """Nothing was sent on the connection, though the server has had the time to answer another one."""
    assert server.get("/unread").status == 200
    client.sock.setblocking(False)
    try:
        return client.sock.recv(1) == b"never"
    except BlockingIOError:
        return True
    finally:
        client.sock.settimeout(30)


@pytest.mark.parametrize("framing", [LENGTH, CHUNKED])
@pytest.mark.parametrize("value", ["100-continue", "100-Continue"])
def test_continue_is_sent_when_the_application_reads(server, module_gate, framing, value):
    with server.client() as client:
        client.send(request_bytes("POST", "/read_after_gate", [("Expect", value), framing]))
        call = module_gate.next("before reading")
        assert nothing_yet(server, client)
        call.open()
        interim = client.response()
        assert interim.status == 100
        assert interim.fields == []
        client.send(b"hello" if framing == LENGTH else chunked(b"he", b"llo"))
        response = client.response()
        assert (response.status, response.body) == (200, b"hello")
        assert client.request(target="/unread").body == b"not read"


def test_continue_is_sent_once(server):
    with server.client() as client:
        client.send(request_bytes("POST", "/digest_in_pieces", [EXPECT, ("Content-Length", "3000")]))
        assert client.response().status == 100
        for _ in range(3):
            client.send(b"x" * 1000)
        assert client.response().text.startswith("3000 ")


def test_an_application_that_does_not_read_answers_without_it(server):
    """The client learns its fate before it sends anything. Whether it sends the body now is unknown, so the
    connection ends (RFC 9110 §10.1.1), and the response says so."""
    with server.client() as client:
        client.send(request_bytes("POST", "/unread", [EXPECT, LENGTH]))
        response = client.response()
        assert (response.status, response.body) == (200, b"not read")
        assert not response.keeps_alive
        client.assert_closed()


def test_a_client_that_sends_the_body_after_the_final_answer(server):
    """The body must not be taken for a request."""
    with server.client() as client:
        client.send(request_bytes("POST", "/unread", [EXPECT, ("Content-Length", "41")]))
        assert client.response().status == 200
        try:
            client.send(b"GET /unread HTTP/1.1\r\nHost: a.example\r\n\r\n\r\n"[:41])
        except ConnectionError:
            return
        assert client.rest() == b""


def test_no_continue_when_the_answer_has_begun(server):
    """A 100 behind the head of a final response would be part of its body."""
    with server.client() as client:
        client.send(request_bytes("POST", "/answer_then_read", [EXPECT, LENGTH]))
        response = client.head()
        assert response.status == 200
        assert client.chunk(response) == b"answer;"
        client.send(b"hello")
        assert client.chunk(response) == b"hello"
        assert client.chunk(response) == b""


def test_no_continue_for_http_1_0(server):
    with server.client() as client:
        client.send(request_bytes("POST", "/script?read()", [EXPECT, LENGTH], version="1.0"))
        assert nothing_yet(server, client)
        client.send(b"hello")
        response = client.response()
        assert (response.status, response.text) == (200, "b'hello'")


def test_no_continue_when_the_body_is_already_here(server):
    """The client did not wait, so there is nothing to ask for."""
    with server.client() as client:
        client.send(request_bytes("POST", "/script?read()", [EXPECT], b"hello"))
        response = client.response()
        assert (response.status, response.text) == (200, "b'hello'")
        assert client.request(target="/unread").status == 200


def test_no_continue_without_a_body(server):
    with server.client() as client:
        assert client.request("GET", "/script?read()", [EXPECT]).text == "b''"
        assert client.request("POST", "/script?read()", [EXPECT], b"").text == "b''"


def test_other_expectations_fail(server):
    """RFC 9110 §10.1.1: 417, since the server cannot know what was meant."""
    with server.client() as client:
        assert client.request("POST", "/unread", [("Expect", "the-unexpected")], b"hello").status == 417


def test_a_body_that_is_too_large_is_refused_instead(module_gate):
    with Server("inputs", "--limit-body-size", "1000", cwd=APPS, env=module_gate.environment) as server:
        with server.client() as client:
            client.send(request_bytes("POST", "/digest", [EXPECT, ("Content-Length", "1001")]))
            assert client.response().status == 413
            client.assert_closed()
