"""What a FastCGI front server can rely on, whatever else is on its way: seen on the wire."""

from __future__ import annotations

import socket
import struct

import pytest
from server import APPS, PATIENCE, Server

BEGIN_REQUEST, END_REQUEST, PARAMS, STDIN, STDOUT, UNKNOWN_TYPE = 1, 3, 4, 5, 6, 11


def record(kind: int, content: bytes) -> bytes:
    return struct.pack(">BBHHBB", 1, kind, 1, len(content), 0, 0) + content


def begin(path: str, **variables: str) -> bytes:
    """The request up to its body, on a connection that is not kept."""
    variables = {"REQUEST_METHOD": "POST", "REQUEST_URI": path} | variables
    pairs = b"".join(
        bytes([len(name), len(value)]) + name.encode() + value.encode() for name, value in variables.items()
    )
    start = record(BEGIN_REQUEST, struct.pack(">HB5x", 1, 0))
    return start + record(PARAMS, pairs) + record(PARAMS, b"")


def records(data: bytes) -> list[tuple[int, bytes]]:
    found = []
    while data:
        _, kind, _, length, padding, _ = struct.unpack(">BBHHBB", data[:8])
        found.append((kind, data[8 : 8 + length]))
        data = data[8 + length + padding :]
    return found


def everything(sock: socket.socket) -> bytes:
    data = b""
    while piece := sock.recv(65536):
        data += piece
    return data


@pytest.fixture(scope="module")
def server(module_gate):
    with Server("plain", "--bind", "fastcgi://127.0.0.1:0", cwd=APPS, env=module_gate.environment) as server:
        yield server


@pytest.fixture
def wire(server):
    port = int(server.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as sock:
        yield sock


def test_the_end_of_stdin_that_comes_late_does_not_destroy_the_response(wire, module_gate):
    """A socket that is closed with bytes unread resets the connection, under the response if that is still on its way."""
    wire.sendall(begin("/gate?late", CONTENT_LENGTH="5") + record(STDIN, b"hello"))
    visit = module_gate.next("gate")
    wire.sendall(record(STDIN, b""))
    visit.open()
    got = records(everything(wire))
    assert b"".join(content for kind, content in got if kind == STDOUT).endswith(b"passed late")
    assert got[-1][0] == END_REQUEST


def test_a_response_that_breaks_off_ends_with_a_record_that_no_front_server_expects(server, wire):
    """nginx that does not buffer takes a plain end of the connection for the end of the response, and it for whole."""
    wire.sendall(begin("/fail_in_stream") + record(STDIN, b""))
    data = b""
    try:
        while piece := wire.recv(65536):
            data += piece
    except ConnectionResetError:
        pass
    kinds = [kind for kind, _ in records(data)]
    assert END_REQUEST not in kinds
    assert kinds[-1] == UNKNOWN_TYPE
