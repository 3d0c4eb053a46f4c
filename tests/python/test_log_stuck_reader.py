"""Whoever reads the logs may stop reading: the server goes on without them, and says later how many lines were lost."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time

from client import Client, request_bytes
from server import APPS, command_environment

REQUESTS = 3000
"""Each writes a line into either log, which is more than two pipes hold."""


def wait_for(path) -> None:
    for _ in range(1500):
        if path.exists():
            return
        time.sleep(0.02)
    raise AssertionError("the socket did not appear")


def read_what_is_there(pipe) -> str:
    os.set_blocking(pipe.fileno(), False)
    read = b""
    for _ in range(100):
        read += pipe.read() or b""
        time.sleep(0.02)
    return read.decode()


def test_a_reader_that_stops_reading_stops_nobody(tmp_path):
    path = tmp_path / "http.sock"
    command = [
        sys.executable,
        "-m",
        "millau",
        "serve",
        "complaining",
        "--bind",
        f"http+unix:{path}",
        "--access-log",
        "-",
    ]
    with subprocess.Popen(
        command, cwd=APPS, env=command_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
    ) as process:
        try:
            wait_for(path)
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(60)
                connection.connect(str(path))
                client = Client(connection)
                for number in range(REQUESTS):
                    client.send(request_bytes(target=f"/{number}?{'x' * 100}"))
                    assert client.response().body == b"complained"
                assert "complaint /0 " in read_what_is_there(process.stderr)
                assert "GET /0?" in read_what_is_there(process.stdout)
                client.send(request_bytes(target="/once-more"))
                assert client.response().body == b"complained"
            assert "/once-more" in read_what_is_there(process.stdout)
            log = read_what_is_there(process.stderr)
            assert "messages were lost: for a while the error log could not be written" in log
            assert "the access log can be written again" in log
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
        finally:
            process.kill()
