"""Reloading by SIGHUP and by --reload: new code, no request lost, and the old code as long as the new one is broken."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

import pytest
from client import BrokenResponse, request_bytes
from server import APPS, Server

VERSION = """
from gate import pass_gate

def application(environ, start_response):
    if environ["PATH_INFO"] == "/gate":
        pass_gate("gate")
    start_response("200 OK", [("Content-Length", "{length}")])
    return [b"{version}"]
"""


class Site:
    """A module in a folder of its own, that can be changed while it is served."""

    def __init__(self, folder: Path, gate) -> None:
        self.folder = folder
        self.env = gate.environment | {"PYTHONPATH": str(APPS)}
        self.version("one")

    def write(self, text: str, name: str = "site_module.py") -> None:
        """Replaces the file as editors do, so that nobody sees half of it."""
        partial = self.folder / (name + ".new")
        partial.write_text(text)
        partial.replace(self.folder / name)

    def version(self, version: str) -> None:
        self.write(VERSION.format(version=version, length=len(version)))

    def serve(self, *arguments: str, **more) -> Server:
        return Server("site_module", *arguments, cwd=self.folder, env=self.env, **more)


@pytest.fixture
def site(tmp_path, gate):
    return Site(tmp_path, gate)


def body_of(server) -> str:
    return server.get().body.decode()


def assert_serves(server, version: str) -> None:
    """The old workers hear that they are no longer needed just after the new ones are ready; soon everybody gets the
    new code, and only that."""
    server.wait_until(lambda: all(body_of(server) == version for _ in range(20)), f"only {version} is served")


def test_hangup_serves_the_new_code(site):
    with site.serve() as server:
        assert body_of(server) == "one"
        site.version("two")
        assert body_of(server) == "one"
        server.reload()
        server.wait_for_log(" ready: generation 2")
        assert_serves(server, "two")
        site.version("three")
        server.reload()
        server.wait_for_log(" ready: generation 3")
        assert_serves(server, "three")


def test_the_supervisor_stays_the_same_process(site):
    with site.serve() as server:
        before = server.workers()
        server.reload()
        server.wait_until(lambda: not set(before) & set(server.workers()), "the old workers are gone")
        assert server.process.poll() is None
        assert body_of(server) == "one"


def test_a_running_request_is_finished_by_the_old_code(site, gate):
    with site.serve() as server, server.client() as client:
        client.send(request_bytes(target="/gate"))
        visit = gate.next("gate")
        site.version("two")
        server.reload()
        assert_serves(server, "two")
        visit.open()
        assert client.response().body == b"one"
        server.wait_until(lambda: visit.pid not in server.workers(), "the old worker is gone")


def test_a_request_that_does_not_end_is_cut_at_the_deadline(site, gate):
    with site.serve("--graceful-timeout", "1") as server, server.client() as client:
        client.send(request_bytes(target="/gate"))
        visit = gate.next("gate")
        server.reload()
        visit.wait_gone()
        with pytest.raises((BrokenResponse, ConnectionError)):
            client.response()
        server.wait_until(lambda: "/gate" in server.log(), "the log says what was cut")
        assert body_of(server) == "one"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("def application(:\n", "SyntaxError"),
        ("import nothing_of_that_name\n", "nothing_of_that_name"),
        ("raise RuntimeError('not today')\n", "not today"),
        ("import sys\nsys.exit(5)\n", "SystemExit"),
        ("import os\nos._exit(5)\n", "5"),
        ("other_name = 1\n", "application"),
        ("application = 1\n", "callable"),
    ],
)
def test_broken_code_leaves_the_old_code_serving(site, text, why):
    with site.serve() as server:
        before = server.workers()
        supervisor_and_its = {p.pid for p in server.processes()}
        site.write(text)
        server.send_signal(signal.SIGHUP)
        line = server.wait_for_log("ERROR")
        server.wait_until(lambda: why in server.log(), f"the log names {why}")
        assert " ready: generation 2" not in server.log(), line
        assert body_of(server) == "one"
        assert set(before) <= {p.pid for p in server.processes()}
        server.wait_until(
            lambda: {p.pid for p in server.processes()} == supervisor_and_its,
            "what was started for the new code has ended",
        )
        site.version("two")
        server.reload()
        assert_serves(server, "two")


def test_a_second_hangup_during_a_reload_is_not_lost(site, gate):
    """The code that the second one announced must be served in the end."""
    with site.serve() as server:
        site.write("import gate\ngate.pass_gate('importing')\n" + VERSION.format(version="two", length=3))
        server.send_signal(signal.SIGHUP)
        visit = gate.next("importing")
        site.version("three")
        server.send_signal(signal.SIGHUP)
        assert body_of(server) == "one"
        visit.open()
        server.wait_until(lambda: body_of(server) == "three", "the last code is served")


def test_many_hangups_at_once(site):
    with site.serve("--workers", "2") as server:
        for _ in range(10):
            server.send_signal(signal.SIGHUP)
        site.version("two")
        server.send_signal(signal.SIGHUP)
        server.wait_until(lambda: body_of(server) == "two", "the last code is served")
        server.wait_until(lambda: len(server.workers()) == 2, "only one generation is left")


def test_a_stop_during_a_reload(site, gate):
    with site.serve() as server:
        site.write("import gate\ngate.pass_gate('importing')\napplication = print\n")
        server.send_signal(signal.SIGHUP)
        gate.next("importing")
        server.send_signal(signal.SIGTERM)
        gate.forget()
        assert server.wait() == 0


def test_worker_count_and_listeners_survive(site, tmp_path):
    with site.serve("--bind", "http://127.0.0.1:0", "--bind", f"http+unix:{tmp_path}/s", "--workers", "2") as server:
        server.send_signal(signal.SIGTTIN)
        server.wait_until(lambda: len(server.workers()) == 3, "one more worker")
        fronts = server.fronts
        inode = os.stat(tmp_path / "s").st_ino
        server.reload()
        server.wait_until(lambda: len(server.workers()) == 3, "only one generation is left")
        assert os.stat(tmp_path / "s").st_ino == inode
        for front in fronts[:2]:
            assert server.request(front=front).body == b"one"


def test_a_kept_connection_ends_properly(site):
    """An idle client finds its connection closed between two requests, or is answered once more; never half."""
    with site.serve() as server, server.client() as client:
        assert client.request().body == b"one"
        site.version("two")
        server.reload()
        with contextlib.suppress(BrokenResponse, ConnectionError):
            while (response := client.request()).keeps_alive:
                assert response.body == b"one"
            assert response.body == b"one"
        client.assert_closed()


# --reload


def test_changed_files_are_reloaded(site):
    with site.serve("--reload") as server:
        assert body_of(server) == "one"
        for version in ("two", "three"):
            site.version(version)
            server.wait_until(lambda version=version: body_of(server) == version, f"{version} is served")


def test_modules_that_the_application_imports_are_watched(site):
    site.write("NAME = b'one'\n", "part_of_site.py")
    site.write(
        "import part_of_site\n"
        "def application(environ, start_response):\n"
        "    start_response('200 OK', [])\n"
        "    return [part_of_site.NAME]\n"
    )
    with site.serve("--reload") as server:
        assert body_of(server) == "one"
        site.write("NAME = b'two'\n", "part_of_site.py")
        server.wait_until(lambda: body_of(server) == "two", "the change is served")


def test_broken_code_is_survived_while_watching(site):
    with site.serve("--reload") as server:
        site.write("def application(:\n")
        server.wait_until(lambda: "SyntaxError" in server.log(), "the log shows the error")
        assert body_of(server) == "one"
        site.version("two")
        server.wait_until(lambda: body_of(server) == "two", "the mended code is served")


def test_broken_code_from_the_start_is_survived_while_watching(site):
    """A developer mends the file and goes on; without --reload it is an error (exit code 3)."""
    site.write("def application(:\n")
    with site.serve("--reload", wait_for="SyntaxError") as server:
        site.version("two")
        server.wait_for_log(" ready: generation ")
        assert body_of(server) == "two"


def test_without_the_option_nothing_is_watched(site):
    with site.serve() as server:
        site.version("two")
        with pytest.raises(AssertionError, match="waited in vain"):
            server.wait_until(lambda: body_of(server) == "two", "the change is served", timeout=2)


# Applications with threads of their own

THREADED = """
import threading, time
from concurrent.futures import ThreadPoolExecutor

beats = 0

def beat():
    global beats
    while True:
        beats += 1
        time.sleep(0.01)

threading.Thread(target=beat, daemon=True).start()
pool = ThreadPoolExecutor(2)
assert pool.submit(lambda: 1).result() == 1

def application(environ, start_response):
    before = beats
    while environ["PATH_INFO"] == "/beats" and beats == before:
        time.sleep(0.01)
    result = pool.submit(lambda: "pool").result()
    start_response("200 OK", [])
    return [result.encode()]
"""


@pytest.mark.parametrize("arguments", [(), ("--workers", "2"), ("--no-preload",)])
def test_threads_that_are_started_at_import_work(site, arguments):
    """A forked process has none of its parent's threads. The application must not notice: its heart beats, and
    its pool works, as they do under a server that imports in every worker."""
    site.write(THREADED)
    with site.serve(*arguments) as server:
        assert server.get("/").body == b"pool"
        assert server.get("/beats").body == b"pool"
        server.reload()
        assert server.get("/beats").body == b"pool"


def test_without_preload_every_worker_imports(site, gate):
    site.write("from gate import report\nreport('imported')\n" + VERSION.format(version="one", length=3))
    with site.serve("--no-preload", "--workers", "2"):
        pids = {gate.next("imported").pid, gate.next("imported").pid}
        assert len(pids) == 2


def test_with_preload_the_import_happens_once(site, gate):
    site.write("from gate import report\nreport('imported')\n" + VERSION.format(version="one", length=3))
    with site.serve("--workers", "3") as server:
        gate.next("imported")
        assert server.get().status == 200
        assert gate.empty()
