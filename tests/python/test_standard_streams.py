"""The descriptors 0 to 2 belong to the standard streams: nothing of the server's own takes their numbers, and no client does."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack

import pytest
from client import chunked, request_bytes
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


def test_logs_go_where_they_went_after_an_application_has_closed_the_standard_streams():
    with Server("closing", "--access-log", "-", cwd=APPS) as server, ExitStack() as connections:
        assert server.get("/close").body == b"closed"
        clients = [connections.enter_context(server.client()) for _ in range(5)]
        for number, client in enumerate(clients):
            # What is received is a response and nothing else.
            assert client.request(target="/forks").body == b"once"
            assert client.request(target=f"/failing/{number}").status == 500
        for number in range(5):
            server.wait_for_log(f"KeyError: '/failing/{number}'")
            server.wait_for_out(f"/failing/{number}")
        server.wait_until(lambda: server.log().count("came back from its request") == 5, "each child is told of")


def test_what_is_printed_gets_into_no_body_after_an_application_has_closed_standard_output():
    """A chunked body that outgrows its buffer is kept in a file."""
    pieces = [b"x" * 1000] * 10
    request = request_bytes("POST", "/print_and_echo", [("Transfer-Encoding", "chunked")]) + chunked(*pieces)
    with Server("closing", "--request-buffer", "1k", cwd=APPS) as server, server.client() as client:
        assert client.request(target="/close_output").body == b"closed"
        client.send(request)
        assert client.response().body == b"".join(pieces)


def test_an_application_that_closes_the_standard_streams_while_it_is_imported_is_served():
    with Server("closing", "--access-log", "-", cwd=APPS, env={"CLOSE_WHILE_IMPORTED": "1"}) as server:
        for number in range(5):
            assert server.get(f"/failing/{number}").status == 500
            server.wait_for_log(f"KeyError: '/failing/{number}'")
            server.wait_for_out(f"/failing/{number}")
        server.reload()
        assert server.get("/failing").status == 500
