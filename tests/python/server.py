"""A running `millau serve`, seen from outside: its process, its log and its sockets.

`Server` starts the command on a free port, waits until the log says that it is ready, and stops it again. Nothing here
knows how the server is built; a wait has a limit only so that a hanging test ends.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from client import BrokenResponse, Client, MalformedResponse, Response, chunked, request_bytes

__all__ = [
    "APPS",
    "PATIENCE",
    "READY",
    "BrokenResponse",
    "Client",
    "MalformedResponse",
    "NotReady",
    "Process",
    "Response",
    "Server",
    "chunked",
    "command_environment",
    "request_bytes",
    "run_millau",
]

PATIENCE = float(os.environ.get("TEST_PATIENCE", "30"))
"""Seconds after which a wait counts as hanging. Never a statement about how fast the server is."""

READY = " ready: generation "

APPS = Path(__file__).resolve().parents[1] / "apps_wsgi"
"""The applications that the behaviour tests run."""


class NotReady(Exception):
    """The command ended, or said nothing, before it was ready."""


def command_environment(env: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment for the command: without settings from outside, and without .pyc files, whose time stamps
    are too coarse for a test that edits a module twice in a second."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("MILLAU_")}
    return inherited | {"PYTHONDONTWRITEBYTECODE": "1"} | dict(env or {})


def run_millau(
    *args: str, cwd: str | Path | None = None, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `millau ARGS` to its end and return its exit code and output."""
    return subprocess.run(
        [sys.executable, "-m", "millau", *args],
        cwd=cwd,
        env=command_environment(env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
    )


@dataclass(frozen=True)
class Process:
    """What /proc says about one process."""

    pid: int
    parent: int
    state: str
    threads: int

    @property
    def zombie(self) -> bool:
        return self.state == "Z"


def session_processes(session: int) -> list[Process]:
    """The processes of a session, zombies included (proc_pid_stat(5))."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                stat = Path("/proc", entry, "stat").read_text()
                values = stat.rpartition(")")[2].split()
                if int(values[3]) == session:
                    found.append(Process(int(entry), int(values[1]), values[0], int(values[17])))
    return found


class Server:
    """`millau serve TARGET ARGS` on a free port of the loopback interface, as a context manager.

    The command leads a session of its own, so everything that it starts can be found, and must be gone
    when it has stopped.
    """

    running: list[Server] = []

    def __init__(
        self,
        target: str,
        *args: str,
        cwd: str | Path | None = None,
        env: Mapping[str, str] | None = None,
        prefix: Iterable[str] = (),
        pass_fds: Iterable[int] = (),
        check: bool = True,
        wait_for: str | None = READY,
        bind: bool = True,
    ) -> None:
        """`prefix` is a command that executes the server's; `check=False` leaves out the checks at the end;
        `wait_for=None` returns at once; `bind=False` adds no --bind."""
        binds = () if any(a.partition("=")[0] == "--bind" for a in args) else ("--bind", "http://127.0.0.1:0")
        if not bind or (env and "MILLAU_BIND" in env):
            binds = ()
        self.command = [*prefix, sys.executable, "-m", "millau", "serve", target, *binds, *args]
        self.cwd = cwd
        self.env = command_environment(env)
        self.pass_fds = tuple(pass_fds)
        self.check = check
        self.wait_for = wait_for
        self._lines: list[str] = []
        self._out: list[str] = []
        self._news = threading.Condition()
        self._open_pipes = 2

    # Life

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        failed = kind is not None
        try:
            self.stop(check=self.check and not failed)
        except BaseException:
            failed = True
            raise
        finally:
            if failed:
                print(f"--- log of {' '.join(self.command)}\n{self.log()}--- end of log", file=sys.stderr)

    def start(self) -> None:
        self.process = subprocess.Popen(
            self.command,
            cwd=self.cwd,
            env=self.env,
            pass_fds=self.pass_fds,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self.pid = self.process.pid
        self._readers = [
            threading.Thread(target=self._read, args=(self.process.stderr, self._lines), daemon=True),
            threading.Thread(target=self._read, args=(self.process.stdout, self._out), daemon=True),
        ]
        for reader in self._readers:
            reader.start()
        Server.running.append(self)
        if self.wait_for is None:
            return
        try:
            self.wait_for_log(self.wait_for)
        except AssertionError as error:
            self.stop(check=False)
            raise NotReady(f"{' '.join(self.command)} ended with {self.process.returncode}:\n{self.log()}") from error
        except BaseException:
            self.stop(check=False)
            raise

    def _read(self, pipe, lines: list[str]) -> None:
        with pipe:
            for line in pipe:
                with self._news:
                    lines.append(line.decode(errors="replace"))
                    self._news.notify_all()
        with self._news:
            self._open_pipes -= 1
            self._news.notify_all()

    def send_signal(self, number: int) -> None:
        """Send a signal to the supervisor."""
        os.kill(self.pid, number)

    def stop(self, number: int = signal.SIGTERM, check: bool = False) -> int:
        """Stop the server and return its exit code. With `check`, it must be 0 and no process may be left."""
        if self.process.poll() is None:
            self.send_signal(number)
        try:
            code = self.process.wait(2 * PATIENCE)
        except subprocess.TimeoutExpired:
            code = None
        left = [p for p in self.processes() if not p.zombie]  # the dead of the dead are not theirs to bury
        for process in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
        self.process.wait()
        for reader in self._readers:
            reader.join(PATIENCE)
        if self in Server.running:
            Server.running.remove(self)
        if code is None:
            raise AssertionError(f"the server did not stop on signal {number}; processes: {left}")
        if check:
            assert code == 0, f"exit code {code} after signal {number}"
            assert not left, f"processes outlived the server: {left}"
        return code

    def wait(self) -> int:
        """Wait until the server ends by itself; its exit code."""
        return self.process.wait(2 * PATIENCE)

    def reload(self) -> None:
        """SIGHUP, and wait until one more generation is ready."""
        before = self.log().count(READY)
        self.send_signal(signal.SIGHUP)
        self.wait_until(lambda: self.log().count(READY) > before, "the next generation is ready")

    def processes(self) -> list[Process]:
        """Everything that the command started and is still there, itself included while it runs."""
        return [p for p in session_processes(self.pid) if p.pid != self.pid or self.process.poll() is None]

    def workers(self) -> list[int]:
        """The processes without children: whatever stands between supervisor and worker has some."""
        processes = [p for p in self.processes() if not p.zombie]
        parents = {p.parent for p in processes} | {self.pid}
        return sorted(p.pid for p in processes if p.pid not in parents)

    def spooled(self, directory: Path) -> int:
        """Bytes in the files without names that its processes have in a directory."""
        files = {}
        for process in self.processes():
            for descriptor in Path("/proc", str(process.pid), "fd").glob("*"):
                with contextlib.suppress(OSError):
                    if os.readlink(descriptor).startswith(f"{directory}/"):
                        status = descriptor.stat()
                        files[status.st_ino] = status.st_size
        return sum(files.values())

    # Log

    def log(self) -> str:
        """Everything on standard error so far."""
        with self._news:
            return "".join(self._lines)

    def out(self) -> str:
        """Everything on standard output so far."""
        with self._news:
            return "".join(self._out)

    def wait_until(self, condition, what: str, timeout: float = PATIENCE) -> None:
        """Wait until a condition on the log or the processes holds."""
        with self._news:
            for _ in range(int(timeout * 50)):
                if condition():
                    return
                if not self._open_pipes and self.process.poll() is not None:
                    break
                self._news.wait(0.02)
            if not condition():
                raise AssertionError(f"waited in vain until {what}; log:\n{''.join(self._lines)}")

    def wait_for_log(self, text: str, timeout: float = PATIENCE) -> str:
        """Wait until a line of the log contains `text`; that line."""

        def lines() -> Iterator[str]:
            return (line for line in self._lines if text in line)

        self.wait_until(lambda: next(lines(), None), f"the log contains {text!r}", timeout)
        return next(lines())

    def wait_for_death(self, worker: int) -> str:
        """Wait until the log reports that a worker has crashed; that line."""
        found: list[str] = []

        def reported() -> bool:
            found[:] = [line for line in self._lines if " ERROR " in line and f"worker {worker} " in line]
            return bool(found)

        self.wait_until(reported, f"the log reports the death of worker {worker}")
        return found[0]

    def wait_for_out(self, text: str, timeout: float = PATIENCE) -> str:
        """Wait until a line of standard output contains `text`; that line."""
        self.wait_until(lambda: any(text in x for x in self._out), f"standard output contains {text!r}", timeout)
        return next(line for line in self._out if text in line)

    # Connections

    @property
    def fronts(self) -> list[str]:
        """What the log says it listens on, in order."""
        return re.findall(r" listening on (\S+)", self.log())

    @property
    def url(self) -> str:
        return self.fronts[0]

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def connect(self, front: str | None = None) -> socket.socket:
        """A connected socket, to the first front unless another is named."""
        front = front or self.url
        if front.startswith("http+unix:"):
            sock = socket.socket(socket.AF_UNIX)
            sock.settimeout(PATIENCE)
            sock.connect(front.removeprefix("http+unix:"))
            return sock
        host, _, port = front.removeprefix("http://").rpartition(":")
        return socket.create_connection((host.strip("[]"), int(port)), timeout=PATIENCE)

    def client(self, front: str | None = None) -> Client:
        """A connection that understands responses."""
        return Client(self.connect(front))

    def request(
        self,
        method: str = "GET",
        target: str = "/",
        fields: Iterable[tuple[str, str]] = (),
        body: bytes | None = None,
        front: str | None = None,
    ) -> Response:
        """One request on a connection of its own."""
        with self.client(front) as client:
            return client.request(method, target, fields, body)

    def get(self, target: str = "/", fields: Iterable[tuple[str, str]] = ()) -> Response:
        return self.request("GET", target, fields)

    def raw(self, *parts: bytes) -> bytes:
        """Send the parts on a new connection and return everything until the server closes it."""
        with self.client() as client:
            with contextlib.suppress(ConnectionError):  # refused half-way: what was said before still counts
                client.send(*parts)
            return client.rest()
