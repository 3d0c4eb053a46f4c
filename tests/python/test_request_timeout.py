"""--request-timeout: a call that takes too long ends for its client, whatever its thread does; everybody else is served."""

from __future__ import annotations

import socket
import struct

import pytest
from client import BrokenResponse, request_bytes
from server import APPS, PATIENCE, Server
from test_fastcgi_connection import END_REQUEST, STDIN, STDOUT, begin, everything, record, records


def serve(gate, *arguments: str, limit="0.5") -> Server:
    arguments = ("--request-timeout", limit, "--access-log", "-", *arguments)
    return Server("threads", *arguments, cwd=APPS, env=gate.environment)


def raw(server: Server, front: str, data: bytes) -> bytes:
    url = next(url for url in server.fronts if url.startswith(front))
    with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=PATIENCE) as sock:
        sock.sendall(data)
        return everything(sock)


def test_the_client_gets_504_and_the_log_says_where_the_call_is(gate):
    with serve(gate) as server, server.client() as client:
        client.send(request_bytes(target="/gate?7"))
        visit = gate.next("gate")
        response = client.response()
        assert (response.status, response["Connection"]) == (504, "close")
        client.assert_closed()
        log = server.wait_for_log("its thread is held until the call ends")
        assert (
            "GET /gate?7: application error: no whole response within 0.5 s (--request-timeout): the client gets 504"
            in log
        )
        server.wait_for_log("in pass_gate")
        assert server.get("/hello").body == b"hello"
        visit.open()
        server.wait_for_out('"GET /gate?7 HTTP/1.1" 504 15')
        assert server.get("/hello").body == b"hello"


def test_a_response_that_has_begun_is_visibly_cut(gate):
    with serve(gate) as server, server.client() as client:
        client.send(request_bytes(target="/gate_in_body?1"))
        gate.next("gate in body")
        with pytest.raises((BrokenResponse, ConnectionResetError)):
            client.response()
        assert "the response is cut" in server.wait_for_log("its thread is held")
        # Whoever knows no chunks is told by a reset.
        with server.client() as old:
            old.send(request_bytes(target="/gate_in_body?2", version="1.0"))
            gate.next("gate in body")
            with pytest.raises(ConnectionResetError):
                old.response()
        gate.forget()
        assert server.get("/hello").body == b"hello"


def test_it_holds_over_other_protocols(gate):
    binds = ["--bind", "http://127.0.0.1:0", "--bind", "fastcgi://127.0.0.1:0", "--bind", "scgi://127.0.0.1:0"]
    with serve(gate, *binds) as server:
        answer = records(raw(server, "fastcgi", begin("/gate?1", CONTENT_LENGTH="0") + record(STDIN, b"")))
        assert answer[0][0] == STDOUT and answer[0][1].startswith(b"Status: 504 Gateway Timeout\r\n")
        assert answer[-1] == (END_REQUEST, struct.pack(">IB3x", 0, 0))
        variables = b"CONTENT_LENGTH\x000\x00SCGI\x001\x00REQUEST_METHOD\x00GET\x00REQUEST_URI\x00/gate?2\x00"
        assert raw(server, "scgi", b"%d:%b," % (len(variables), variables)).startswith(
            b"Status: 504 Gateway Timeout\r\n"
        )
        gate.forget()
        assert server.get("/hello").body == b"hello"


def test_calls_that_end_in_time_know_nothing_of_it(gate):
    with serve(gate, limit="30") as server, server.client() as client:
        for number in range(50):
            assert client.request(target=f"/hello?{number}").body == b"hello"
        client.send(request_bytes(target="/gate_in_body?1"))
        gate.next("gate in body").open()
        assert client.response().body == b"firstsecond"
        assert client.request(target="/hello").body == b"hello"


def test_a_peer_that_is_too_slow_is_no_fault_of_the_application(gate):
    """Neither a reader nor a sender; nothing is buffered."""
    with serve(gate, "--response-spool", "0", "--request-buffer", "0") as server:
        with server.client() as reader:
            reader.send(request_bytes(target="/large"))
            log = server.wait_for_log("/large: peer error: no whole response within 0.5 s (--request-timeout)")
            assert "because its client reads too slowly: the response is cut" in log
            with pytest.raises((BrokenResponse, ConnectionResetError)):
                reader.response()
        with server.client() as sender:
            sender.send(request_bytes("POST", "/body", fields=[("Content-Length", "10000000")]) + b"part")
            log = server.wait_for_log("/body: peer error: no whole response within 0.5 s (--request-timeout)")
            assert "because its body comes too slowly: the client gets 504" in log
            assert sender.response().status == 504
        assert "application error" not in server.log()
        assert server.get("/hello").body == b"hello"


def test_a_worker_whose_threads_are_all_held_is_replaced(gate):
    with serve(gate, "--threads", "2") as server:
        (worker,) = server.workers()
        clients = [server.client() for _ in range(2)]
        for number, client in enumerate(clients):
            client.send(request_bytes(target=f"/gate?{number}"))
            gate.next("gate")
        for client in clients:
            assert client.response().status == 504
            client.close()
        server.wait_for_log("every thread is held by a call whose time is over")
        server.wait_until(lambda: server.workers() and worker not in server.workers(), "the worker is replaced")
        assert server.get("/hello").body == b"hello"


def test_a_worker_whose_threads_all_wait_for_their_clients_stays(gate):
    with serve(gate, "--threads", "1", "--response-spool", "0") as server:
        (worker,) = server.workers()
        with server.client() as reader:
            reader.send(request_bytes(target="/large"))
            server.wait_for_log("because its client reads too slowly: the response is cut")
        assert server.get("/hello").body == b"hello"
        assert server.workers() == [worker]
