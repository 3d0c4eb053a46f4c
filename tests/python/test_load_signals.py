"""Reloads and killed workers under load: what is lost, and what is not."""

from __future__ import annotations

import os
import re
import signal
import threading
from pathlib import Path

import pytest
from client import BrokenResponse
from server import Server

pytestmark = pytest.mark.load

VERSION = """
import os, time
def application(environ, start_response):
    if environ["QUERY_STRING"].endswith("7"):
        time.sleep(0.01)
    start_response("200 OK", [("Content-Length", "{length}"), ("X-Pid", str(os.getpid()))])
    return [b"{version}"]
"""


def write_version(folder: Path, version: int) -> None:
    body = f"version {version:04}"
    partial = folder / "new"
    partial.write_text(VERSION.format(version=body, length=len(body)))
    partial.replace(folder / "loaded_site.py")


class Load:
    """Clients that ask without a pause, each in a thread. Every failure is kept with what had come of the answer."""

    def __init__(self, server: Server, new: int, kept: int) -> None:
        self.server = server
        self.answered = 0
        self.versions: set[bytes] = set()
        self.lost: list[str] = []
        self.torn: list[str] = []
        self.stale = 0
        self.lock = threading.Lock()
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self.ask_new, args=(i,)) for i in range(new)]
        self.threads += [threading.Thread(target=self.ask_kept, args=(i,)) for i in range(kept)]

    def __enter__(self) -> Load:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join()

    def note(self, response) -> None:
        with self.lock:
            self.answered += 1
            self.versions.add(response.body)
            if response.status != 200:
                self.lost.append(f"status {response.status}")

    def fail(self, number: int, error: Exception, received: int) -> None:
        with self.lock:
            self.lost.append(f"request {number}: {error!r}")
            if received:
                self.torn.append(self.lost[-1])

    def ask_new(self, number: int) -> None:
        """A connection for every request: none may be refused, reset or cut."""
        while not self.stop.is_set():
            number += 10
            received = 0
            try:
                with self.server.client() as client:
                    try:
                        self.note(client.request(target=f"/?new={number}"))
                    finally:
                        received = client.received
            except (BrokenResponse, OSError) as error:
                self.fail(number, error, received)

    def ask_kept(self, number: int) -> None:
        """One connection as long as the server keeps it. That it ends between two requests is the server's right, and
        a client repeats a GET of which it has heard nothing on a used connection (RFC 9112 §9.3.1); that is counted
        as stale. Anything else is lost."""
        client, used = None, False
        while not self.stop.is_set():
            number += 10
            try:
                if client is None:
                    client, used = self.server.client(), False
                response = client.request(target=f"/?kept={number}")
                self.note(response)
                used = True
                if not response.keeps_alive:
                    client.assert_closed()
                    client.close()
                    client = None
            except (BrokenResponse, OSError) as error:
                if used and client is not None and client.received == 0:
                    with self.lock:
                        self.stale += 1
                else:
                    self.fail(number, error, client.received if client else 0)
                if client is not None:
                    client.close()
                client = None
        if client is not None:
            client.close()

    def wait_for(self, count: int) -> None:
        """That many more answers."""
        target = self.answered + count
        self.server.wait_until(lambda: self.answered >= target or self.lost, f"{count} more answers", timeout=60)


@pytest.fixture
def site(tmp_path):
    write_version(tmp_path, 0)
    return tmp_path


@pytest.mark.parametrize("workers", ["1", "2"])
def test_twenty_reloads_lose_no_request(site, workers):
    """And each brings the new code."""
    with Server("loaded_site", "--workers", workers, cwd=site) as server, Load(server, 4, 4) as load:
        load.wait_for(100)
        for version in range(1, 21):
            write_version(site, version)
            server.reload()
            server.wait_until(
                lambda version=version: f"version {version:04}".encode() in load.versions or load.lost,
                "the new code answers",
            )
            load.wait_for(50)
        assert load.lost == []
        assert len(load.versions) == 21
    assert load.stale == 0, "a kept connection is told to close before it is closed, as long as it is in use"


def test_a_reload_every_moment_loses_no_request(site):
    """Without waiting for the one before to be complete."""
    with Server("loaded_site", "--workers", "2", cwd=site) as server, Load(server, 3, 3) as load:
        for _ in range(30):
            load.wait_for(10)
            server.send_signal(signal.SIGHUP)
        load.wait_for(100)
        assert load.lost == []


def test_more_and_fewer_workers_lose_no_request(site):
    with Server("loaded_site", "--workers", "2", cwd=site) as server, Load(server, 3, 3) as load:
        for _ in range(10):
            server.send_signal(signal.SIGTTIN)
            server.wait_until(lambda: len(server.workers()) == 3, "one more worker")
            load.wait_for(20)
            server.send_signal(signal.SIGTTOU)
            server.wait_until(lambda: len(server.workers()) == 2, "one worker less")
            load.wait_for(20)
        assert load.lost == []


def test_a_killed_worker_loses_only_what_it_was_doing(site):
    """At most one request per client and kill; the log names those that were in the application, and how many connections
    were open. Everybody else is served, and service goes on."""
    kills = 5
    with Server("loaded_site", "--workers", "2", cwd=site) as server, Load(server, 4, 4) as load:
        load.wait_for(200)
        for _ in range(kills):
            worker = server.workers()[0]
            os.kill(worker, signal.SIGKILL)
            line = server.wait_for_death(worker)
            assert re.search("SIGKILL|signal 9", line)
            assert re.search(r"while serving|connections? w\S+ open", line)
            lost_before = len(load.lost)
            server.wait_until(lambda: len(server.workers()) == 2, "the worker is replaced")
            before = load.answered
            server.wait_until(lambda before=before: load.answered > before + 200, "service goes on")
            assert len(load.lost) - lost_before <= 8
        assert len(load.lost) + load.stale <= kills * 8


STREAM = """
import time
def application(environ, start_response):
    start_response("200 OK", [])
    for _ in range(5):
        yield b"chunk"
        time.sleep(0.01)
"""


def test_stopping_under_load_breaks_no_answer(site):
    """Who has been answered in part is answered in full. Who comes too late is refused, or reset if the kernel had
    taken the connection and nobody else; a connection in use is told that it ends."""
    (site / "loaded_site.py").write_text(STREAM)
    with Server("loaded_site", "--workers", "2", cwd=site) as server:
        with Load(server, 4, 4) as load:
            load.wait_for(200)
            server.send_signal(signal.SIGTERM)
            assert server.wait() == 0
        assert load.torn == []
        assert load.stale == 0


def test_no_process_is_left_after_load(site):
    with Server("loaded_site", "--workers", "2", cwd=site) as server:
        with Load(server, 2, 2) as load:
            load.wait_for(50)
            for _ in range(3):
                server.reload()
        server.wait_until(lambda: len(server.workers()) == 2, "old workers are gone")
        server.wait_until(lambda: not any(p.zombie for p in server.processes()), "nothing dead is left")
