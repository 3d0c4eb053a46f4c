"""HTTP/1.1 connections (RFC 9112 §9): how many requests one carries, in which order, and when it ends."""

from __future__ import annotations

import contextlib
import json
import threading

import pytest
from client import chunked, request_bytes
from server import APPS, Server


@pytest.fixture(scope="module")
def server(module_gate):
    with Server("plain", cwd=APPS, env=module_gate.environment) as server:
        yield server


@pytest.fixture(autouse=True)
def fresh_gate(module_gate):
    module_gate.forget()


def said(response) -> dict:
    assert response.status == 200, response
    return json.loads(response.body)


# Keep-alive


def test_a_connection_carries_many_requests(server):
    with server.client() as client:
        for i in range(200):
            response = client.request("POST", f"/request?{i}", body=b"x" * i)
            assert (said(response)["query"], said(response)["length"]) == (str(i), i)
            assert response.keeps_alive


@pytest.mark.parametrize("value", ["close", "Close", "CLOSE", "keep-alive, close", "close, foo", " close "])
def test_close_is_the_last_request(server, module_gate, value):
    """What follows must not be processed (RFC 9112 §9.6), and the response says that it is the last."""
    with server.client() as client:
        client.send(request_bytes(target="/seen?1", fields=[("Connection", value)]) + request_bytes(target="/seen?2"))
        response = client.response()
        assert response.body == b"seen 1 "
        assert not response.keeps_alive
        client.assert_closed()
    server.get("/seen?3")
    assert module_gate.next_names(2) == ["/seen?1", "/seen?3"]


def test_http_1_0_closes(server, module_gate):
    with server.client() as client:
        client.send(request_bytes(target="/seen?1", version="1.0") + request_bytes(target="/seen?2", version="1.0"))
        response = client.response()
        assert response.body == b"seen 1 "
        assert not response.keeps_alive
        client.assert_closed()
    server.get("/seen?3")
    assert module_gate.next_names(2) == ["/seen?1", "/seen?3"]


def test_http_1_0_can_ask_for_more(server):
    """The old keep-alive (RFC 9112 §9.3): it must be confirmed, and needs a length."""
    fields = [("Connection", "keep-alive")]
    with server.client() as client:
        for _ in range(3):
            client.send(request_bytes(target="/hello", fields=fields, version="1.0"))
            response = client.response()
            assert response.body == b"hello"
            assert response.keeps_alive
            assert response["Connection"].lower() == "keep-alive"


def test_http_1_0_without_a_length_closes_even_so(server):
    with server.client() as client:
        fields = [("Connection", "keep-alive")]
        client.send(request_bytes(target="/bytes_of_size?n=1000&piece=10", fields=fields, version="1.0"))
        response = client.response()
        assert (response.framing, len(response.body)) == ("close", 1000)
        assert not response.keeps_alive


def test_http_1_1_is_the_version_of_the_answer(server):
    """RFC 9110 §2.5: the server tells its own version, also to an older client."""
    with server.client() as client:
        client.send(request_bytes(target="/hello", version="1.0"))
        assert client.response().version in ("1.1", "1.0")
        assert server.get("/hello").version == "1.1"


def test_an_idle_connection_harms_nobody(server):
    with server.client() as idle:
        assert idle.request(target="/hello").status == 200
        for _ in range(20):
            assert server.get("/hello").status == 200
        assert idle.request(target="/hello").status == 200


# Pipelining


def test_pipelined_requests_are_answered_in_order(server):
    with server.client() as client:
        client.send(*[request_bytes("POST", f"/request?{i}", body=b"x" * (i % 7)) for i in range(100)])
        for i in range(100):
            assert said(client.response())["query"] == str(i)


def test_pipelined_in_one_packet_with_all_kinds_of_framing(server):
    """HEAD, bodies with a length, chunked bodies, no bodies; each must be told from the next."""
    data = (
        request_bytes("HEAD", "/hello")
        + request_bytes("POST", "/request?length", body=b"GET /hello HTTP/1.1\r\n\r\n")
        + request_bytes("POST", "/request?chunked", [("Transfer-Encoding", "chunked")], chunked(b"0\r\n\r\n", b"GET"))
        + request_bytes("GET", "/bytes_of_size?n=30&piece=10")
        + request_bytes("POST", "/request?empty", body=b"")
        + request_bytes("GET", "/hello")
    )
    with server.client() as client:
        client.send(data)
        assert client.response("HEAD")["Content-Length"] == "5"
        assert said(client.response())["body"] == "GET /hello HTTP/1.1\r\n\r\n"
        assert said(client.response())["body"] == "0\r\n\r\nGET"
        assert client.response().body == b"x" * 30
        assert said(client.response())["length"] == 0
        assert client.response().body == b"hello"


def test_a_slow_first_request_keeps_its_place(server, module_gate):
    with server.client() as client:
        client.send(request_bytes(target="/gate?1") + request_bytes(target="/hello") + request_bytes(target="/gate?2"))
        module_gate.next("gate").open()
        assert client.response().body == b"passed 1"
        assert client.response().body == b"hello"
        module_gate.next("gate").open()
        assert client.response().body == b"passed 2"


def test_a_flood_of_pipelined_requests(server):
    """More than any buffer holds, while the client does not read at first."""
    count = 5000
    with server.client() as client:
        sender = threading.Thread(target=client.send, args=(request_bytes(target="/hello") * count,))
        sender.start()
        for _ in range(count):
            assert client.response().body == b"hello"
        sender.join()


def test_pipelined_large_responses_to_a_slow_reader(server):
    with server.client() as client:
        client.send(request_bytes(target="/bytes_of_size?n=3000000") * 5)
        assert server.get("/hello").status == 200
        for _ in range(5):
            assert len(client.response().body) == 3_000_000


def test_empty_lines_before_a_request_are_skipped(server):
    """RFC 9112 §2.2: at least one CRLF, as old clients send it after a body."""
    with server.client() as client:
        client.send(b"\r\n" + request_bytes("POST", "/request", body=b"abc"))
        assert said(client.response())["length"] == 3
        client.send(b"\r\n" + request_bytes(target="/hello"))
        assert client.response().body == b"hello"


# How bytes arrive


def test_byte_by_byte(server):
    coding = [("Transfer-Encoding", "chunked"), ("X-Field", "value")]
    with server.client() as client:
        client.dribble(request_bytes("POST", "/request?1", body=b"hello world"))
        assert said(client.response())["body"] == "hello world"
        client.dribble(
            request_bytes("POST", "/request?2", coding, chunked(b"hello", b" world", trailers=b"X-T: 1\r\n"))
        )
        assert said(client.response())["body"] == "hello world"
        client.dribble(request_bytes(target="/hello") * 3)
        for _ in range(3):
            assert client.response().body == b"hello"


def test_cut_at_every_place(server):
    """A request in two packets, cut after each of its bytes."""
    data = request_bytes("POST", "/request?q", [("Transfer-Encoding", "chunked"), ("X-A", "b")], chunked(b"ab", b"c"))
    with server.client() as client:
        for i in range(1, len(data)):
            client.send(data[:i])
            if i % 10 == 0:
                assert server.get("/hello").status == 200
            client.send(data[i:])
            assert said(client.response())["body"] == "abc"


def test_the_end_of_one_request_and_the_start_of_the_next_in_one_packet(server):
    one, two = request_bytes("POST", "/request?1", body=b"one"), request_bytes("POST", "/request?2", body=b"two")
    with server.client() as client:
        client.send(one[:-2])
        client.send(one[-2:] + two[:20])
        assert said(client.response())["body"] == "one"
        client.send(two[20:])
        assert said(client.response())["body"] == "two"


# How connections end


def test_a_client_may_half_close_after_its_request(server, module_gate):
    """`nc` and some libraries do; the request is whole and deserves its answer."""
    with server.client() as client:
        client.send(request_bytes(target="/gate?half"))
        client.half_close()
        module_gate.next("gate").open()
        assert client.response().body == b"passed half"
        client.assert_closed()


def test_half_close_in_the_middle_of_a_head(server):
    with server.client() as client:
        client.send(b"GET /hello HTTP/1.1\r\nHost: a\r\n")
        client.half_close()
        assert b" 200 " not in client.rest()


def test_half_close_with_pipelined_requests(server):
    with server.client() as client:
        client.send(request_bytes(target="/hello") * 10)
        client.half_close()
        for _ in range(10):
            assert client.response().body == b"hello"
        client.assert_closed()


def test_connecting_and_leaving_is_not_worth_an_error(server):
    before = len(server.log())
    for _ in range(20):
        server.connect().close()
        with server.client() as client:
            client.reset()
        with server.client() as client:
            client.send(b"GET /hel")
        with server.client() as client:
            client.send(request_bytes(target="/hello"))
            client.reset()
    assert server.get("/hello").status == 200
    assert "ERROR" not in server.log()[before:]
    assert "Traceback" not in server.log()[before:]


def test_clients_that_leave_while_they_are_served(server, module_gate):
    clients = [server.client() for _ in range(10)]
    for i, client in enumerate(clients):
        client.send(request_bytes(target=f"/gate?{i}"))
    calls = [module_gate.next("gate") for _ in clients]
    for client in clients:
        client.reset()
    for call in calls:
        call.open()
    assert server.get("/hello").status == 200


def test_after_a_bad_request_nothing_more_is_read(server, module_gate):
    """Where a request ends is unknown after an error, so whatever follows must not be taken for one (RFC 9112 §11.2)."""
    data = server.raw(b"GET /seen?1 HTTP/1.1\r\nHost: a\r\nBad Field: x\r\n\r\n" + request_bytes(target="/seen?2"))
    assert data.startswith(b"HTTP/1.1 400 ")
    assert data.count(b"HTTP/1.1 ") == 1
    assert b"onnection: close" in data
    server.get("/seen?3")
    assert module_gate.next_names(1) == ["/seen?3"]


def test_good_requests_before_a_bad_one_are_answered(server):
    with server.client() as client:
        client.send(request_bytes(target="/hello") * 3 + b"nonsense\r\n\r\n")
        for _ in range(3):
            assert client.response().body == b"hello"
        assert client.response().status == 400
        client.assert_closed()


def test_an_error_reaches_a_client_that_is_still_sending(server):
    """Closing at once would reset the connection and destroy the answer on its way (RFC 9112 §9.6)."""
    for _ in range(10):
        with server.client() as client:
            with contextlib.suppress(ConnectionError):
                client.send(b"GET / HTTP/1.1\r\nHost: a\r\nBad Field: x\r\n\r\n", b"x" * 300_000)
            assert client.response().status == 400


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 50,
        b"\0" * 100,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"?\n",
    ],
    ids=["TLS", "NUL", "HTTP/2", "line"],
)
def test_other_protocols_are_refused_at_once(server, garbage):
    """Not only when a time limit has passed: the connection is not one that could become HTTP/1."""
    data = server.raw(garbage)
    assert data == b"" or data.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 505 "))


# Targets


@pytest.mark.parametrize(
    "target", ["/request", "http://a.example/request", "http://a.example:80/request?q", "/request?"]
)
def test_target_forms(server, target):
    assert said(server.get(target, [("Host", "a.example")]))["path"] == "/request"


def test_options_asterisk_leaves_the_connection_in_order(server):
    with server.client() as client:
        assert client.request("OPTIONS", "*").status in (200, 204, 404)
        assert client.request(target="/hello").body == b"hello"


@pytest.mark.parametrize(
    "line", ["GET * HTTP/1.1", "GET request HTTP/1.1", "GET  / HTTP/1.1", "GET a.example:80 HTTP/1.1"]
)
def test_targets_that_are_none(server, line):
    assert server.raw(f"{line}\r\nHost: a.example\r\n\r\n".encode()).startswith(b"HTTP/1.1 400 ")
