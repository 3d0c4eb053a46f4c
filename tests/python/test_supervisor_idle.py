"""`--exit-when-idle`: the server ends by itself, and only when nobody is connected."""

from __future__ import annotations

import os
import signal
import time

import pytest
from server import APPS, Server

pytestmark = pytest.mark.slow


def test_a_server_that_nobody_wants_ends_and_takes_its_socket_along(tmp_path):
    path = tmp_path / "app.sock"
    options = ("--bind", f"http+unix:{path}", "--workers", "2", "--exit-when-idle", "0.5")
    with Server("plain", *options, cwd=APPS) as server:
        assert path.exists()
        assert server.request("GET", "/hello", [("Connection", "close")]).body == b"hello"
        assert server.wait() == 0
        assert "stopping: no connection for 0.5 s" in server.log()
        assert not path.exists()


def test_an_open_connection_keeps_it_and_so_does_a_request_that_takes_long(gate):
    with Server("plain", "--exit-when-idle", "0.5", cwd=APPS, env=gate.environment) as server:
        with server.client() as idle:
            time.sleep(1.5)
            assert server.process.poll() is None
            assert idle.request("GET", "/hello").body == b"hello"
        with server.client() as busy:
            busy.send(b"GET /gate HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            visit = gate.next("gate")
            time.sleep(1.5)
            visit.open()
            assert busy.response().body == b"passed "
        assert server.wait() == 0


def test_a_worker_that_dies_leaves_no_connection_behind():
    with Server("plain", "--exit-when-idle", "1", cwd=APPS) as server:
        with server.client() as client:
            client.request("GET", "/hello")
            os.kill(server.workers()[0], signal.SIGKILL)
            server.wait_for_log("takes its place")
        assert server.wait() == 0
