"""The descriptors 0 to 2 belong to the standard streams: nothing of the server's own takes their numbers, and no client does."""

from __future__ import annotations

import os
import time

import pytest
from server import APPS, PATIENCE, READY, Server


def wait_for(log) -> None:
    for _ in range(int(PATIENCE * 50)):
        if log.exists() and READY in log.read_text():
            return
        time.sleep(0.02)
    raise AssertionError("the server did not get ready")


@pytest.mark.parametrize("closed", [[0], [1], [2], [0, 1, 2]])
def test_descriptors_that_are_closed_at_the_start_lead_nowhere(tmp_path, closed):
    log = tmp_path / "error.log"
    front = f"http+unix:{tmp_path}/socket"
    prefix = ["sh", "-c", f'exec "$0" "$@" {" ".join(f"{number}>&-" for number in closed)}']
    options = ["--bind", front, "--access-log", "-", "--error-log", str(log)]
    with Server("plain", *options, cwd=APPS, prefix=prefix, wait_for=None) as server:
        wait_for(log)
        for _ in range(5):
            assert server.request(target="/hello", front=front).body == b"hello"
        for process in server.processes():
            for number in closed:
                assert os.readlink(f"/proc/{process.pid}/fd/{number}") == "/dev/null"
    assert " ERROR " not in log.read_text()
