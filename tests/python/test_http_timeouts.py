"""Time limits of connections. No time is measured: what is shown is that each limit ends what it should, in which
order limits of different length act, and that what keeps moving is left alone."""

from __future__ import annotations

import socket
import threading

import pytest
from client import BrokenResponse, request_bytes
from server import APPS, Server

pytestmark = pytest.mark.slow


def ends(server: Server) -> list[str]:
    """Opens three connections that wait, one for each limit, and returns in which order the server ends them."""
    ended: list[str] = []
    clients = {name: server.client() for name in ("header", "body", "keep-alive")}
    clients["header"].send(b"GET /hello HTTP/1.1\r\nHost: a\r\n")
    clients["body"].send(request_bytes("POST", "/request", [("Content-Length", "10")]) + b"half ")
    assert clients["keep-alive"].request(target="/hello").status == 200
    lock = threading.Lock()

    def wait(name, client):
        data = client.rest()
        with lock:
            ended.append(name)
        if name == "keep-alive":
            assert data == b""
        else:
            assert data == b"" or data.startswith(b"HTTP/1.1 408 "), data

    threads = [threading.Thread(target=wait, args=item) for item in clients.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for client in clients.values():
        client.close()
    return ended


@pytest.mark.parametrize(
    "order",
    [["header", "body", "keep-alive"], ["keep-alive", "body", "header"], ["body", "keep-alive", "header"]],
)
def test_each_limit_has_its_own_setting(gate, order):
    """With limits of 1, 3 and 5 seconds the order is that of the settings; the defaults have one order only."""
    seconds = dict(zip(order, ("1", "3", "5"), strict=True))
    arguments = [a for name in order for a in (f"--{name}-timeout", seconds[name])]
    with Server("plain", *arguments, cwd=APPS, env=gate.environment) as server:
        assert ends(server) == order


def test_an_incomplete_head_is_told_408(gate):
    """RFC 9110 §15.5.9; after a first byte the client knows that it is waiting for an answer."""
    with Server("plain", "--header-timeout", "1", cwd=APPS, env=gate.environment) as server:
        for start in (b"G", b"GET /hello HTTP/1.1\r\n", b"GET /hello HTTP/1.1\r\nHost: a\r\nX-A: b"):
            data = server.raw(start)
            assert data.startswith(b"HTTP/1.1 408 ")
            assert b"onnection: close" in data


def test_a_connection_without_a_byte_is_closed_without_a_word(gate):
    """A 408 on a connection that a client keeps for later would be taken for the answer to its next request."""
    with Server(
        "plain", "--header-timeout", "1", "--keep-alive-timeout", "1", cwd=APPS, env=gate.environment
    ) as server:
        assert server.raw() == b""
        with server.client() as client:
            assert client.request(target="/hello").status == 200
            client.assert_closed()


def test_dribbling_a_head_does_not_prolong_its_time(gate):
    """A byte now and then, for ever: the limit is on the whole head."""
    with Server("plain", "--header-timeout", "1", cwd=APPS, env=gate.environment) as server:
        with server.client() as client:
            stop = threading.Event()

            def dribble():
                try:
                    client.send(b"GET /hello HTTP/1.1\r\nHost: a\r\n")
                    while not stop.wait(0.1):
                        client.send(b"X-A: b\r\n")
                except OSError:
                    pass

            thread = threading.Thread(target=dribble)
            thread.start()
            try:
                data = client.rest()
            finally:
                stop.set()
                thread.join()
            assert data == b"" or data.startswith(b"HTTP/1.1 408 ")


def test_an_incomplete_body_is_told_408_and_is_never_complete(gate):
    with Server("inputs", "--body-timeout", "1", cwd=APPS, env=gate.environment) as server:
        data = server.raw(request_bytes("POST", "/read_reporting", [("Content-Length", "10")]) + b"half ")
        assert data.startswith(b"HTTP/1.1 408 ")
        assert gate.empty()


def test_a_body_that_stops_while_the_application_reads_raises(gate):
    with Server("inputs", "--body-timeout", "1", "--request-buffer", "0", cwd=APPS, env=gate.environment) as server:
        data = server.raw(request_bytes("POST", "/read_reporting", [("Content-Length", "10")]) + b"half ")
        assert gate.next("called")
        assert gate.next("raised").facts["is_exception"]
        assert b" 200 " not in data
        assert server.get("/unread").status == 200


@pytest.mark.parametrize("buffer", ["0", "1M"])
def test_a_slow_body_that_moves_is_left_alone(gate, buffer):
    """The limit is on standing still: 20 pieces at a quarter of the limit each take five times the limit together."""
    with Server("inputs", "--body-timeout", "2", "--request-buffer", buffer, cwd=APPS, env=gate.environment) as server:
        with server.client() as client:
            client.send(request_bytes("POST", "/script?read()", [("Content-Length", "20")]))
            for _ in range(20):
                threading.Event().wait(0.5)
                client.send(b"x")
            assert client.response().text == repr(b"x" * 20)


def test_a_reader_that_stops_is_given_up(gate):
    """The application is stopped and closed; nobody waits for a client that does not read."""
    with Server("responding", "--send-timeout", "1", cwd=APPS, env=gate.environment) as server:
        with server.client() as client:
            client.send(request_bytes(target="/close_of_generator"))
            gate.next("first is out").open()
            gate.next("closed")


def test_a_reader_that_stops_is_given_up_while_the_application_goes_on(gate):
    """One thread does not wait for it: the response goes to disk, and is written without end."""
    arguments = ("--send-timeout", "1", "--threads", "1", "--response-buffer", "4k")
    with Server("plain", *arguments, cwd=APPS, env=gate.environment) as server, server.client() as client:
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.send(request_bytes(target="/bytes_of_size?n=1000000000000&piece=100"))
        client.head()
        assert server.get("/hello").body == b"hello"


@pytest.mark.parametrize("spool", ["0", "8M"])
def test_a_reader_that_stops_gives_the_only_thread_up_when_others_come(gate, spool):
    """What it has not taken has filled the spool, so that its call waits. That could last for --send-timeout."""
    arguments = ("--send-timeout", "300", "--threads", "1", "--response-spool", spool)
    with Server("plain", *arguments, cwd=APPS, env=gate.environment) as server, server.client() as client:
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.send(request_bytes(target=f"/bytes_of_size?n={1 << 50}"))
        response = client.head()
        assert server.get("/hello").body == b"hello"
        with pytest.raises((BrokenResponse, ConnectionError)):
            while client.chunk(response):
                response.chunks.clear()


def test_a_reader_that_stops_is_left_alone_while_nobody_else_comes(gate):
    """Its call has waited for longer than --crowded-send-timeout when it goes on, and after that as well."""
    arguments = ("--send-timeout", "300", "--threads", "1", "--response-spool", "0", "--crowded-send-timeout", "100ms")
    with Server("plain", *arguments, cwd=APPS, env=gate.environment) as server, server.client() as client:
        client.send(request_bytes(target="/bytes_of_size?n=20000000&length=1"))
        response = client.head()
        threading.Event().wait(1)
        assert len(client.exactly(20_000_000, response)) == 20_000_000
        assert client.request(target="/hello").body == b"hello"


def test_a_reader_that_is_given_up_is_in_the_access_log(gate):
    arguments = ("--send-timeout", "1", "--access-log", "-", "--response-buffer", "64M")
    with Server("plain", *arguments, cwd=APPS, env=gate.environment) as server, server.client() as client:
        client.send(request_bytes(target="/bytes_of_size?n=20000000&length=1"))
        server.wait_for_out('"GET /bytes_of_size?n=20000000&length=1 HTTP/1.1" 200')


@pytest.mark.parametrize("spool", ["0", "1G"], ids=["its call waits", "its call has ended"])
def test_a_reader_of_very_little_is_left_alone(gate, spool):
    """The socket's buffer becomes writable much later than --send-timeout; what the reader takes of it counts."""
    arguments = ("--send-timeout", "1", "--response-spool", spool)
    with Server("plain", *arguments, cwd=APPS, env=gate.environment) as server, socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.settimeout(10)
        sock.connect(("127.0.0.1", server.port))
        sock.sendall(request_bytes(target="/bytes_of_size?n=20000000&length=1"))
        for _ in range(25):
            threading.Event().wait(0.2)
            assert sock.recv(2048)
        assert "too slow" not in server.log()
        # And one that takes nothing at all any more is not.
        with pytest.raises(ConnectionResetError):
            while threading.Event().wait(4) or sock.recv(65536):
                pass


def test_a_slow_reader_that_moves_is_left_alone(gate):
    with Server("plain", "--send-timeout", "2", cwd=APPS, env=gate.environment) as server:
        with server.client() as client:
            client.send(request_bytes(target="/bytes_of_size?n=20000000&length=1"))
            response = client.head()
            size = 0
            for _ in range(20):
                threading.Event().wait(0.25)
                size += len(client.exactly(1_000_000, response))
            assert size == 20_000_000


def test_a_long_call_is_no_timeout(gate):
    """Limits are on the client's part only: an application may think as long as it likes."""
    arguments = [f"--{name}-timeout=1" for name in ("header", "body", "keep-alive", "send")]
    with Server("plain", *arguments, cwd=APPS, env=gate.environment) as server, server.client() as client:
        client.send(request_bytes("POST", "/gate?1", body=b"abc"))
        call = gate.next("gate")
        threading.Event().wait(3)
        call.open()
        assert client.response().body == b"passed 1"


def test_keep_alive_of_zero_is_one_request_per_connection(gate):
    with Server("plain", "--keep-alive-timeout", "0", cwd=APPS, env=gate.environment) as server:
        with server.client() as client:
            response = client.request(target="/hello")
            assert response.body == b"hello"
            assert not response.keeps_alive
            client.assert_closed()
