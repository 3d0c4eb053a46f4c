"""Limits on what a client may send: each is refused with its own status, and then the connection ends."""

from __future__ import annotations

import contextlib
import json

import pytest
from client import chunked, request_bytes
from server import APPS, Server

ARGUMENTS = [
    *("--limit-head-size", "2000"),
    *("--limit-target-size", "100"),
    *("--limit-fields", "10"),
    *("--limit-body-size", "1000"),
]


@pytest.fixture(scope="module", params=["buffered", "streamed"])
def server(request, module_gate):
    arguments = ["--request-buffer", "0"] if request.param == "streamed" else []
    with Server("plain", *ARGUMENTS, *arguments, cwd=APPS, env=module_gate.environment) as server:
        yield server


@pytest.fixture(autouse=True)
def fresh_gate(module_gate):
    module_gate.forget()


CHUNKED = [("Transfer-Encoding", "chunked")]


def assert_refused(server, status: int, *parts: bytes) -> None:
    """`status`, `Connection: close`, and the end; also when more is on its way; and the server goes on."""
    with server.client() as client:
        with contextlib.suppress(ConnectionError):
            client.send(*parts, request_bytes(target="/hello"))
        response = client.response()
        assert response.status == status
        assert not response.keeps_alive
        client.assert_closed()
    assert server.get("/hello").body == b"hello"


def target_of(length: int) -> str:
    return "/request?" + "x" * (length - 9)


def test_the_longest_target(server):
    assert server.get(target_of(100)).status == 200


def test_a_longer_target_is_414(server):
    assert_refused(server, 414, request_bytes(target=target_of(101)))


def test_a_target_without_end_is_414_before_it_ends(server):
    """A client that never sends the end of the line must not fill the memory until a time limit."""
    with server.client() as client:
        client.send(b"GET /" + b"x" * 5000)
        assert client.response().status in (414, 431)
        client.assert_closed()


def test_a_large_head_within_its_limit(server):
    assert server.get("/request", [("X-A", "a" * 1800)]).status == 200


@pytest.mark.parametrize(
    "fields",
    [[("X-A", "a" * 3000)], [("A" * 3000, "a")], [(f"X-{i}", "a" * 300) for i in range(9)]],
    ids=["value", "name", "together"],
)
def test_a_larger_head_is_431(server, fields):
    assert_refused(server, 431, request_bytes(target="/request", fields=fields))


def test_a_head_without_end_is_431_before_it_ends(server):
    with server.client() as client:
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\nX-A: " + b"x" * 5000)
        assert client.response().status == 431
        client.assert_closed()


def test_as_many_fields_as_allowed(server):
    response = server.get("/request", [(f"X-{i}", "a") for i in range(9)])  # and Host
    assert len(json.loads(response.body)["fields"]) == 10


def test_one_more_field_is_431(server):
    assert_refused(server, 431, request_bytes(target="/request", fields=[(f"X-{i}", "a") for i in range(10)]))


@pytest.mark.parametrize("form", ["length", "chunked", "many chunks"])
def test_the_largest_body(server, form):
    body = b"x" * 1000
    data = {"length": body, "chunked": chunked(body), "many chunks": chunked(*[b"x"] * 1000)}[form]
    response = server.request("POST", "/request", [] if form == "length" else CHUNKED, data)
    assert json.loads(response.body)["length"] == 1000


def test_a_larger_length_is_413_before_any_of_it_is_sent(server, module_gate):
    with server.client() as client:
        client.send(request_bytes("POST", "/seen?large", [("Content-Length", "1001")]))
        assert client.response().status == 413
        client.assert_closed()
    server.get("/seen?after")
    assert module_gate.next_names(1) == ["/seen?after"]


@pytest.mark.parametrize("length", ["1001", "99999999999", str(2**63), str(2**64), "9" * 40])
def test_larger_lengths_are_413(server, length):
    """Also numbers beyond every integer type: a length, however large, is a length; 400 is as right for these."""
    with server.client() as client:
        client.send(request_bytes("POST", "/request", [("Content-Length", length)]))
        response = client.response()
        assert response.status == 413 or (len(length) > 18 and response.status == 400)
        client.assert_closed()


@pytest.mark.parametrize("chunks", [[b"x" * 1001], [b"x"] * 1001, [b"x" * 999, b"x" * 2], [b"x" * 600] * 100])
def test_a_chunked_body_that_grows_too_large_is_413(server, chunks):
    assert_refused(server, 413, request_bytes("POST", "/request", CHUNKED, chunked(*chunks)))


def test_endless_chunk_extensions_are_refused(server):
    """They belong to no body, so only a limit of their own stops them."""
    with server.client() as client:
        client.send(request_bytes("POST", "/request", CHUNKED))
        with contextlib.suppress(ConnectionError):
            for _ in range(1000):
                client.send(b"1;" + b"x" * 1000 + b"\r\nx\r\n")
        assert client.response().status in (400, 413, 431)
        client.assert_closed()


def test_endless_trailers_are_refused(server):
    with server.client() as client:
        client.send(request_bytes("POST", "/request", CHUNKED, b"1\r\nx\r\n0\r\n"))
        with contextlib.suppress(ConnectionError):
            for i in range(5000):
                client.send(b"X-%d: " % i + b"x" * 100 + b"\r\n")
        assert client.response().status in (400, 413, 431)
        client.assert_closed()


def test_refused_clients_that_go_on_sending_do_not_hold_the_server(server):
    with server.client() as client:
        with contextlib.suppress(ConnectionError):
            client.send(request_bytes(target=target_of(101)))
            for _ in range(300):
                client.send(b"x" * 65536)
        with contextlib.suppress(ConnectionError):
            client.rest()
    assert server.get("/hello").body == b"hello"


def test_no_limit_on_the_body(module_gate):
    with Server("plain", "--limit-body-size", "0", cwd=APPS, env=module_gate.environment) as server:
        assert json.loads(server.request("POST", "/request", body=b"x" * 3_000_000).body)["length"] == 3_000_000


def test_more_connections_than_allowed_wait_for_their_turn(module_gate):
    """Three are served; the fourth is in nobody's hands until one of them ends, and then it is answered."""
    with Server("plain", "--limit-connections", "3", cwd=APPS, env=module_gate.environment) as server:
        clients = [server.client() for _ in range(4)]
        for i, client in enumerate(clients[:3]):
            client.send(request_bytes(target=f"/gate?{i}"))
            assert module_gate.next("gate").facts["query"] == str(i)
        clients[3].send(request_bytes(target="/gate?3"))
        with pytest.raises(AssertionError, match="nobody came"):
            module_gate.next("gate", timeout=1)
        module_gate.waiting[1].open()
        assert clients[1].response().body == b"passed 1"
        clients[1].close()
        assert module_gate.next("gate").facts["query"] == "3"
        module_gate.forget()
        for i in (0, 2, 3):
            assert clients[i].response().body == b"passed %d" % i
            clients[i].close()
