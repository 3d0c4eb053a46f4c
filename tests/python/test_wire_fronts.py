"""Every file of tests/wire/{fastcgi,scgi,uwsgi,ajp}/invalid that a front server might send, at a running server; and what
limits, the access log and an orderly stop are at these fronts.

The server answers or closes, says why in the log, and serves the next connection as if nothing had been.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from front_request import PROTOCOLS, answered, front_request
from server import APPS, PATIENCE, Server

WIRE = Path(__file__).resolve().parents[1] / "wire"
ENDING = {"fastcgi": ".fcgi"}
ANSWER = b"the application's answer"
LIMITS = ["--limit-head-size", str(65536 - 16384), "--header-timeout", "5", "--keep-alive-timeout", "1"]
"""The corpora are for a limit of 65536 bytes; with variables, Millau allows 16384 more than the setting says."""


def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Length", str(len(ANSWER)))])
    return [ANSWER]


def files() -> list[Any]:
    found = []
    for protocol in PROTOCOLS:
        for path in sorted((WIRE / protocol / "invalid").glob("*.json")):
            expected = json.loads(path.read_text("utf-8"))
            if expected.get("to") != "web_server":
                found.append(pytest.param(protocol, path, expected, id=f"{protocol}-{path.stem}"))
    return found


def binds(*protocols: str) -> list[str]:
    return [word for protocol in protocols for word in ("--bind", f"{protocol}://127.0.0.1:0")]


def connect(server: Server, protocol: str) -> socket.socket:
    front = next(front for front in server.fronts if front.startswith(f"{protocol}:"))
    return socket.create_connection(("127.0.0.1", int(front.rpartition(":")[2])), timeout=PATIENCE)


def rest(sock: socket.socket) -> bytes:
    """Everything until the server closes. A reset counts as the end."""
    return until(sock, None)


def until(sock: socket.socket, end: bytes | None) -> bytes:
    data = b""
    with contextlib.suppress(ConnectionResetError):
        while (end is None or end not in data) and (piece := sock.recv(65536)):
            data += piece
    return data


@pytest.fixture(scope="module")
def serving() -> Iterator[Callable[[dict[str, Any]], Server]]:
    """A server with the options of a file, each started once."""
    with contextlib.ExitStack() as stack:
        started: dict[str, Server] = {}

        def server(options: dict[str, Any]) -> Server:
            names = {"secret": "--ajp-secret", "packet_size": "--ajp-packet-size", "req_uri": "--ajp-paths"}
            arguments = [word for name, value in options.items() for word in (names[name], str(value))]
            key = " ".join(arguments)
            if key not in started:
                target, here = "test_wire_fronts:application", Path(__file__).parent
                new = Server(target, *binds(*PROTOCOLS), *LIMITS, *arguments, cwd=here)
                started[key] = stack.enter_context(new)
            return started[key]

        yield server


@pytest.mark.parametrize("protocol, path, expected", files())
def test_invalid(
    serving: Callable[[dict[str, Any]], Server], protocol: str, path: Path, expected: dict[str, Any]
) -> None:
    server = serving(expected.get("options", {}))
    before = len(server.log())
    cut = expected.get("cut") or expected["violation"] is None
    with connect(server, protocol) as sock:
        with contextlib.suppress(ConnectionError):  # refused before everything was sent
            sock.sendall(path.with_suffix(ENDING.get(protocol, f".{protocol}")).read_bytes())
            if cut:
                sock.shutdown(socket.SHUT_WR)
        data = rest(sock)
    if expected.get("answer") == "late":
        # The application was quicker: what comes behind its answer belongs to no request.
        assert data.count(ANSWER) == 1
    elif not cut:
        assert data.count(ANSWER) <= expected.get("answered", 0)
        status = expected["status"]
        server.wait_until(lambda: f"refused with {status}: " in server.log()[before:], "the log says why")
        # A file does not wait until it is asked for the second packet of a body.
        if expected.get("answerable") and "that it was not asked for" not in server.log()[before:]:
            assert answered(protocol, status) in data
    with connect(server, protocol) as sock:
        if "secret" in expected.get("options", {}):
            sock.sendall((WIRE / "ajp" / "valid" / "secret.ajp").read_bytes())
        else:
            sock.sendall(front_request(protocol, "GET", "/"))
        assert ANSWER in until(sock, ANSWER)


@pytest.mark.slow
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_head_that_does_not_come_ends_its_connection(protocol: str) -> None:
    with Server("plain", *binds(protocol), "--header-timeout", "1", cwd=APPS) as server:
        with connect(server, protocol) as sock:
            sock.sendall(front_request(protocol, "GET", "/hello")[:30])
            data = rest(sock)
            assert data == b"" or answered(protocol, 408) in data
        with connect(server, protocol) as sock:
            sock.sendall(front_request(protocol, "GET", "/hello"))
            assert b"hello" in until(sock, b"hello")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_body_beyond_the_limit_is_refused(protocol: str) -> None:
    with Server("plain", *binds(protocol), "--limit-body-size", "1000", cwd=APPS) as server:
        for length, status in ((1000, 200), (1001, 413)):
            with connect(server, protocol) as sock:
                with contextlib.suppress(ConnectionError):
                    sock.sendall(front_request(protocol, "POST", "/request", b"x" * length))
                assert answered(protocol, status) in until(sock, answered(protocol, status))
        server.wait_for_log("refused with 413")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_call_is_finished_when_the_server_stops(protocol: str, gate: Any) -> None:
    with Server("plain", *binds(protocol), cwd=APPS, env=gate.environment) as server:
        with connect(server, protocol) as sock:
            sock.sendall(front_request(protocol, "GET", "/gate?1"))
            visit = gate.next("gate")
            server.send_signal(15)
            server.wait_until(lambda: is_refused(server, protocol), "nothing more is accepted")
            assert server.process.poll() is None
            visit.open()
            data = rest(sock)
            assert answered(protocol, 200) in data and b"passed 1" in data
        assert server.wait() == 0


def is_refused(server: Server, protocol: str) -> bool:
    try:
        connect(server, protocol).close()
    except ConnectionError:
        return True
    return False


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_access_log_has_a_line_for_the_client_of_the_front_server(protocol: str, tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    with Server("plain", *binds(protocol), "--access-log", str(log), cwd=APPS) as server:
        with connect(server, protocol) as sock:
            sock.sendall(front_request(protocol, "GET", "/hello?a=b"))
            until(sock, b"hello")
        server.wait_until(lambda: log.read_text().count("\n") == 1, "the line is written")
    line = log.read_text()
    assert line.startswith("192.0.2.7 - - [")
    assert '] "GET /hello?a=b HTTP/1.1" 200 5 ' in line


@pytest.mark.parametrize("protocol", ["scgi", "uwsgi"])
def test_the_end_of_a_killed_worker_is_no_end_of_a_response(protocol: str, gate: Any) -> None:
    """Where only the connection's end marks that of the response, the kernel resets it for a process that dies."""
    with Server("behind", *binds(protocol), cwd=APPS, env=gate.environment) as server:
        with connect(server, protocol) as sock:
            sock.sendall(front_request(protocol, "GET", "/stream"))
            assert b"first" in until(sock, b"first")
            visit = gate.next("stream")
            visit.open()
            assert b"second" in rest(sock), "what is whole ends in order"
        with connect(server, protocol) as sock:
            sock.sendall(front_request(protocol, "GET", "/stream"))
            assert b"first" in until(sock, b"first")
            visit = gate.next("stream")
            os.kill(visit.pid, signal.SIGKILL)
            with pytest.raises(ConnectionResetError):
                while sock.recv(65536):
                    pass


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_body_that_is_cut_is_in_the_log_when_the_application_is_reading_it(protocol: str, gate: Any) -> None:
    """Refused before the call, it is too: its peer is the operator's own front server."""
    with Server("threads", *binds(protocol), "--request-buffer", "0", cwd=APPS, env=gate.environment) as server:
        with connect(server, protocol) as sock:
            sock.sendall(front_request(protocol, "POST", "/body_behind_gate", body=b"x" * 5000)[:-1000])
            visit = gate.next("body")
            sock.shutdown(socket.SHUT_WR)
            visit.open()
            rest(sock)
        log = server.wait_for_log("POST /body_behind_gate: peer error: the client ended its body early")
        assert " WARN " in log.splitlines()[-1]
