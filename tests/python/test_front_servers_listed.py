"""--front-servers: who may connect to the fronts that a front server speaks to."""

from __future__ import annotations

import socket

import pytest
from front_request import PROTOCOLS, answered, front_request
from server import APPS, PATIENCE, Server


@pytest.fixture(scope="module")
def server():
    binds = [word for way in PROTOCOLS for word in ("--bind", f"{way}://127.0.0.1:0")]
    with Server("behind", *binds, "--front-servers", "127.0.0.2", cwd=APPS) as server:
        yield server


def answer(server: Server, protocol: str, source: str) -> bytes:
    """What begins the answer to a client with this address; nothing where it is sent away."""
    front = next(front for front in server.fronts if front.startswith(f"{protocol}://"))
    host, _, port = front.partition("://")[2].rpartition(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE, source_address=(source, 0)) as sock:
        try:
            sock.sendall(front_request(protocol, "GET", "/hello"))
            return sock.recv(1000)
        except ConnectionError:
            return b""


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_who_is_listed_is_answered_and_nobody_else(server, protocol):
    assert answer(server, protocol, "127.0.0.1") == b""
    assert answered(protocol, 200) in answer(server, protocol, "127.0.0.2")
    assert answer(server, protocol, "127.0.0.3") == b""
    assert "127.0.0.1" in server.log()
