"""Processes that an application forks off are its own: signals do to them what they do to any, and no port is theirs."""

from __future__ import annotations

import contextlib
import os
import signal

import pytest
from server import APPS, Server


@pytest.fixture(params=["1", "2"], ids=["one thread", "two threads"])
def server(request):
    with Server("forking", "--threads", request.param, cwd=APPS) as server:
        yield server


def test_signals_end_processes_of_the_application(server):
    workers = server.workers()
    expected = repr([-signal.SIGTERM, -signal.SIGINT]).encode()
    for _ in range(3):
        assert server.get("/terminated").body == expected
    assert server.workers() == workers
    assert "SIGTERM" not in server.log()


def test_pools_of_processes_work_and_end(server):
    workers = server.workers()
    for _ in range(3):
        assert server.get("/pools").body == b"[1, 2, 3, 4]"
    assert server.workers() == workers


def test_a_child_that_comes_back_from_its_request_has_failed(server):
    assert server.get("/comes_back").body == b"1"
    assert "a process that the application forked came back from its request" in server.log()


def test_a_daemon_does_not_keep_the_port(tmp_path):
    noted = tmp_path / "daemon"
    with Server("forking", cwd=APPS, env={"DAEMON": str(noted)}) as server:
        assert server.get("/daemon").body == b"left behind"
        server.wait_until(lambda: noted.exists() and noted.read_text(), "the daemon runs")
        daemon = int(noted.read_text())
        try:
            server.send_signal(signal.SIGTERM)
            assert server.wait() == 0
            os.kill(daemon, 0)
            with Server("forking", "--bind", server.fronts[0], cwd=APPS) as again:
                assert again.get("/pools").status == 200
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(daemon, signal.SIGKILL)
