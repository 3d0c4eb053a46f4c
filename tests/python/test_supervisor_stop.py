"""Stopping: what has begun is finished, up to a deadline; then nothing is left."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

import pytest
from client import request_bytes
from server import APPS, Server


def start(gate, *arguments, **more):
    return Server("plain", *arguments, cwd=APPS, env=gate.environment, **more)


def refused(server) -> bool:
    try:
        server.connect().close()
    except ConnectionError:
        return True
    return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_running_request_is_finished(gate, number, workers):
    with start(gate, "--workers", workers) as server, server.client() as client:
        client.send(request_bytes(target="/gate?1"))
        visit = gate.next("gate")
        server.send_signal(number)
        server.wait_until(lambda: refused(server), "nothing more is accepted")
        assert server.process.poll() is None
        visit.open()
        response = client.response()
        assert response.body == b"passed 1"
        assert not response.keeps_alive
        client.assert_closed()
        assert server.wait() == 0
        assert server.processes() == []


def test_a_running_stream_is_finished(gate):
    with start(gate) as server, server.client() as client:
        client.send(request_bytes(target="/gate_within?1"))
        visit = gate.next("within")
        response = client.head()
        assert client.chunk(response) == b"first "
        server.send_signal(signal.SIGTERM)
        server.wait_until(lambda: refused(server), "nothing more is accepted")
        visit.open()
        assert client.chunk(response) == b"second"
        assert client.chunk(response) == b""
        assert server.wait() == 0


def test_a_slow_reader_gets_the_rest(gate):
    """The application is done with it, the socket is not."""
    with start(gate) as server, server.client() as client:
        client.send(request_bytes(target="/bytes_of_size?n=8000000&length=1"))
        response = client.head()
        server.send_signal(signal.SIGTERM)
        server.wait_until(lambda: refused(server), "nothing more is accepted")
        client.body(response)
        assert len(response.body) == 8_000_000
        assert server.wait() == 0


def test_an_upload_in_progress_is_finished(gate):
    with start(gate) as server, server.client() as client:
        client.send(request_bytes("POST", "/seen?1", [("Content-Length", "10")]) + b"hello")
        assert server.get("/hello").body == b"hello"
        server.send_signal(signal.SIGTERM)
        server.wait_until(lambda: refused(server), "nothing more is accepted")
        client.send(b"world")
        assert client.response().body == b"seen 1 helloworld"
        assert server.wait() == 0


def test_idle_connections_do_not_delay_it(gate):
    """They could stay for ten minutes; nothing is lost by ending them."""
    arguments = ["--keep-alive-timeout", "600", "--graceful-timeout", "600", "--header-timeout", "600"]
    with start(gate, *arguments) as server, server.client() as used, server.client() as fresh:
        assert used.request(target="/hello").status == 200
        server.send_signal(signal.SIGTERM)
        assert server.wait() == 0
        used.assert_closed()
        fresh.assert_closed()


@pytest.mark.parametrize("limit", ["0", "0.5", "1"])
def test_a_worker_without_requests_ends_by_itself_however_short_the_limit(gate, limit):
    with start(gate, "--graceful-timeout", limit) as server, server.client() as used, server.client() as fresh:
        assert used.request(target="/hello").status == 200
        server.reload()
        server.wait_for_log("generation 1 is gone")
        used.assert_closed()
        fresh.assert_closed()
        with server.client() as used:
            assert used.request(target="/hello").status == 200
            server.stop(check=True)
        assert " ERROR " not in server.log()


def test_all_requests_running_in_many_threads_are_finished(gate):
    with start(gate) as server:
        clients = [server.client() for _ in range(20)]
        for i, client in enumerate(clients):
            client.send(request_bytes(target=f"/gate?{i}"))
        visits = [gate.next("gate") for _ in clients]
        server.send_signal(signal.SIGTERM)
        server.wait_until(lambda: refused(server), "nothing more is accepted")
        for visit in visits:
            visit.open()
        for i, client in enumerate(clients):
            assert client.response().body == b"passed %d" % i
            client.close()
        assert server.wait() == 0


def test_requests_that_wait_for_a_thread_are_finished(gate):
    """They came before the signal on connections that were accepted, and stand behind blocked threads."""
    with start(gate, "--threads", "2") as server, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(server.client()) for _ in range(5)]
        for client in clients:
            assert client.request(target="/hello").status == 200
        for i, client in enumerate(clients[:2]):
            client.send(request_bytes(target=f"/gate?{i}"))
        visits = [gate.next("gate"), gate.next("gate")]
        for i, client in enumerate(clients[2:], 2):
            client.send(request_bytes(target=f"/gate?{i}"))
        server.send_signal(signal.SIGTERM)
        for visit in visits:
            visit.open()
        for _ in range(3):
            gate.next("gate").open()
        for i, client in enumerate(clients):
            assert client.response().body == b"passed %d" % i
        assert server.wait() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_deadline_ends_what_does_not_end(gate, number):
    with start(gate, "--graceful-timeout", "1", check=False) as server, server.client() as client:
        client.send(request_bytes(target="/gate?for+ever"))
        visit = gate.next("gate")
        server.send_signal(number)
        visit.wait_gone()
        assert server.wait() in (0, 1)
        assert server.processes() == []
        assert "/gate?for+ever" in server.log(), "the log says what was cut"


@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_ends_at_once(gate, second):
    with start(gate, "--graceful-timeout", "600", check=False) as server, server.client() as client:
        client.send(request_bytes(target="/gate?1"))
        visit = gate.next("gate")
        server.send_signal(signal.SIGINT)
        server.wait_until(lambda: refused(server), "it is stopping")
        server.send_signal(second)  # within a second of the first, so it is the same Ctrl-C, told twice
        time.sleep(1.2)
        assert server.processes(), "the first repetition has cut nothing"
        server.send_signal(second)
        visit.wait_gone()
        server.wait()
        assert server.processes() == []


def test_interrupt_from_the_terminal_is_graceful(gate):
    """Ctrl-C reaches every process of the group, workers included; the running request is finished all the same."""
    with start(gate, "--workers", "2") as server, server.client() as client:
        client.send(request_bytes(target="/gate?1"))
        visit = gate.next("gate")
        os.killpg(server.pid, signal.SIGINT)
        server.wait_until(lambda: refused(server), "nothing more is accepted")
        visit.open()
        assert client.response().body == b"passed 1"
        assert server.wait() == 0
        assert "KeyboardInterrupt" not in server.log()


def test_stopping_while_the_application_is_imported(gate, tmp_path):
    (tmp_path / "slow_import.py").write_text("import gate\ngate.pass_gate('importing')\napplication = print\n")
    env = gate.environment | {"PYTHONPATH": str(APPS)}
    with Server("slow_import", cwd=tmp_path, env=env, wait_for=None, check=False) as server:
        visit = gate.next("importing")
        server.send_signal(signal.SIGTERM)
        server.wait_until(lambda: server.process.poll() is not None or "stop" in server.log(), "it reacts")
        visit.open()
        server.wait()
        assert server.processes() == []


def test_handlers_of_the_application_run_at_exit(tmp_path, gate):
    """`atexit` is where applications flush what they hold back."""
    (tmp_path / "flushing.py").write_text(
        "import atexit, gate, os\n"
        "def application(environ, start_response):\n"
        "    atexit.register(gate.report, 'flushed')\n"
        "    start_response('200 OK', [])\n"
        "    return [b'ok']\n"
    )
    env = gate.environment | {"PYTHONPATH": str(APPS)}
    with Server("flushing", cwd=tmp_path, env=env) as server:
        assert server.get().body == b"ok"
        assert server.stop() == 0
    gate.next("flushed")


def test_the_address_is_free_afterwards(gate, tmp_path):
    with start(gate) as server:
        port = server.port
    with start(gate, "--bind", f"http://127.0.0.1:{port}") as server:
        assert server.get("/hello").body == b"hello"
        with server.client() as client:  # leaves a connection in TIME_WAIT on the server's side
            client.send(request_bytes(target="/hello", fields=[("Connection", "close")]))
            client.rest()
    with start(gate, "--bind", f"http://127.0.0.1:{port}") as server:
        assert server.get("/hello").body == b"hello"


def test_it_says_that_it_stops(gate):
    with start(gate) as server:
        server.stop()
        last = server.log().splitlines()[-3:]
    assert any("stop" in line for line in last), last
    assert not Path(f"/proc/{server.pid}").exists()
