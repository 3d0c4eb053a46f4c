"""Both ends of a gate between a test and an application in another process.

The application calls `pass_gate("name")` and stands still until the test opens; or `report("name")` and goes on.
The test sees who is there, in which process and thread. So a test can prove what happens *while* a call blocks,
and that something happened at all, without a clock.
"""

from __future__ import annotations

import json
import os
import queue
import socket
import tempfile
import threading
from pathlib import Path
from typing import Any

VARIABLE = "GATE"
"""The environment variable that tells the application where the gate is."""

PATIENCE = float(os.environ.get("TEST_PATIENCE", "30"))


def _call(name: str, facts: dict[str, Any]) -> socket.socket:
    facts |= {"name": name, "pid": os.getpid(), "thread": threading.get_ident()}
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(os.environ[VARIABLE])
    sock.sendall(json.dumps(facts).encode() + b"\n")
    return sock


def report(name: str, **facts: Any) -> None:
    """In the application: tell the test, and wait only until it has taken notice, so that reports keep their order."""
    with _call(name, facts | {"waits": False}) as sock:
        sock.recv(1)


def pass_gate(name: str, **facts: Any) -> None:
    """In the application: stand still until the test opens the gate (or is gone)."""
    with _call(name, facts | {"waits": True}) as sock:
        sock.recv(1)


class Visit:
    """Somebody at the gate."""

    def __init__(self, sock: socket.socket, facts: dict[str, Any]) -> None:
        self.sock = sock
        self.facts = facts
        self.name: str = facts["name"]
        self.pid: int = facts["pid"]
        self.thread: int = facts["thread"]

    def __repr__(self) -> str:
        return f"Visit({self.facts})"

    def open(self) -> None:
        """Let the caller go on."""
        try:
            self.sock.sendall(b"o")
        except OSError:
            pass
        self.sock.close()

    def wait_gone(self) -> None:
        """Wait until the caller's process has ended without being let through."""
        self.sock.settimeout(PATIENCE)
        try:
            assert self.sock.recv(1) == b""
        except ConnectionResetError:
            pass
        self.sock.close()


class Gate:
    """The test's end."""

    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="gate-")
        self.path = str(Path(self.folder.name, "gate"))
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(1024)
        self.visits: queue.Queue[Visit] = queue.Queue()
        self.waiting: list[Visit] = []
        threading.Thread(target=self._receive, daemon=True).start()

    @property
    def environment(self) -> dict[str, str]:
        return {VARIABLE: self.path}

    def _receive(self) -> None:
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            with sock.makefile("rb") as file:
                line = file.readline()
            if not line:
                sock.close()
                continue
            visit = Visit(sock, json.loads(line))
            self.visits.put(visit)
            if visit.facts["waits"]:
                self.waiting.append(visit)
            else:
                visit.open()

    def next(self, name: str | None = None, timeout: float = PATIENCE) -> Visit:
        """The next visit, in order of arrival; it must be `name` if that is given."""
        try:
            visit = self.visits.get(timeout=timeout)
        except queue.Empty:
            raise AssertionError(f"nobody came to the gate (expected: {name or 'anybody'})") from None
        assert name is None or visit.name == name, f"expected {name!r} at the gate, came {visit}"
        return visit

    def next_names(self, count: int) -> list[str]:
        return [self.next().name for _ in range(count)]

    def empty(self) -> bool:
        """Whether nobody came since the last `next`."""
        return self.visits.empty()

    def forget(self) -> None:
        """Let everybody through who still waits, and forget all visits."""
        for visit in self.waiting:
            visit.open()
        self.waiting.clear()
        while not self.visits.empty():
            self.visits.get_nowait()

    def close(self) -> None:
        self.forget()
        self.listener.close()
        self.folder.cleanup()
