"""The reference server: a WSGI application behind `wsgiref.simple_server`, in a process of its own.

What wsgiref answers is what PEP 3333's own implementation makes of an application, so another server has to
answer the same. `Reference` starts it for a target, written as for `millau serve`; this file is also the program
that then runs: `python reference.py TARGET` prints its port and serves until it is ended.

Where `simple_server` differs from every other server, this one does as the others: a request without Content-Type
or Content-Length gets neither in its environ (wsgiref invents text/plain and an empty length); the lines of a repeated
field are joined with a space after the comma; `wsgi.input` ends with the body, as PEP 3333 recommends; the process
environment stays out of environ; a 204 has no Content-Length. And a response says in the field `Reference-Length`
when its Content-Length is wsgiref's own and not the application's.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
import os
import socket
import socketserver
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar
from wsgiref import simple_server

PATIENCE = 60.0
"""Seconds after which a start counts as hanging."""

DERIVED_LENGTH = "Reference-Length"


def load(target: str):
    """The application that a target names: `module[:attr]`, `path/to/file.py[:attr]` or `paste:FILE.ini`."""
    if target.startswith("paste:"):
        from paste.deploy import loadapp

        return loadapp("config:" + os.path.abspath(target.removeprefix("paste:")))
    place, _, attribute = target.partition(":")
    attribute = attribute or "application"
    if place.endswith(".py"):
        spec = importlib.util.spec_from_file_location(Path(place).stem, place)
        module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    else:
        module = importlib.import_module(place)
    found = module
    for name in attribute.removesuffix("()").split("."):
        found = getattr(found, name)
    return found() if attribute.endswith("()") else found


class Reference:
    """The reference server for one target, as a context manager."""

    def __init__(self, target: str, *, cwd: str | Path | None = None, env: Mapping[str, str] | None = None) -> None:
        self.target = target
        self.cwd = cwd
        self.env = dict(os.environ) | {"PYTHONDONTWRITEBYTECODE": "1"} | dict(env or {})
        self._lines: list[str] = []

    def __enter__(self) -> Reference:
        self.process = subprocess.Popen(
            [sys.executable, __file__, self.target],
            cwd=self.cwd,
            env=self.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        hanging = threading.Timer(PATIENCE, self.process.kill)
        hanging.start()
        announced = self.process.stdout.readline()
        while announced and not announced.startswith(b"serving on port "):
            announced = self.process.stdout.readline()  # what the application itself has to say
        hanging.cancel()
        if not announced:
            self.stop()
            raise RuntimeError(f"the reference server for {self.target} did not start:\n{self.log()}")
        self.port = int(announced.split()[-1])
        threading.Thread(target=self.process.stdout.read, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        self.process.stdin.close()

    def _read(self) -> None:
        with self.process.stderr as lines:
            for line in lines:
                self._lines.append(line.decode(errors="replace"))

    def log(self) -> str:
        """Everything on standard error so far."""
        return "".join(list(self._lines))

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)


class _Handler(simple_server.ServerHandler):
    """Tells the Content-Length of the application from the one that wsgiref derives."""

    os_environ: ClassVar[dict[str, str]] = {}

    def start_response(self, status, headers, exc_info=None):
        write = super().start_response(status, headers, exc_info)
        self.length_declared = "Content-Length" in self.headers
        return write

    def cleanup_headers(self) -> None:
        super().cleanup_headers()
        if self.status.startswith("204"):
            del self.headers["Content-Length"]
        elif not getattr(self, "length_declared", False):
            self.headers[DERIVED_LENGTH] = "derived"


class _Body(io.RawIOBase):
    """As much of a stream as belongs to one request."""

    def __init__(self, stream, length: int) -> None:
        self.stream = stream
        self.left = length

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        piece = self.stream.read(min(len(buffer), self.left))
        self.left -= len(piece)
        buffer[: len(piece)] = piece
        return len(piece)


class _RequestHandler(simple_server.WSGIRequestHandler):
    def handle(self) -> None:
        self.raw_requestline = self.rfile.readline(65537)
        if not self.raw_requestline or not self.parse_request():
            return
        environ = self.get_environ()
        body = io.BufferedReader(_Body(self.rfile, int(environ.get("CONTENT_LENGTH", 0))))
        handler = _Handler(body, self.wfile, self.get_stderr(), environ, multithread=False)
        handler.request_handler = self
        handler.run(self.server.get_app())
        self._drain()

    def get_environ(self) -> dict[str, str]:
        environ = super().get_environ()
        for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            if self.headers.get(name.replace("_", "-")) is None:
                environ.pop(name, None)
        for name in set(self.headers):
            key = "HTTP_" + name.upper().replace("-", "_")
            if key in environ:
                separator = "; " if key == "HTTP_COOKIE" else ", "
                environ[key] = separator.join(value.strip() for value in self.headers.get_all(name))
        return environ

    def _drain(self) -> None:
        """Read what the application left of the body: closing on unread data resets the connection, and the
        client would lose the response."""
        with contextlib.suppress(OSError):
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_WR)
            while self.rfile.read1(65536):
                pass

    def log_message(self, format: str, *values: object) -> None:
        """No access log: standard error is for the application."""


class _ReferenceServer(simple_server.WSGIServer):
    def server_bind(self) -> None:
        """Like HTTPServer's, without asking the resolver for this machine's name."""
        socketserver.TCPServer.server_bind(self)
        self.server_name = "127.0.0.1"
        self.server_port = self.server_address[1]
        self.setup_environ()


def main(target: str) -> None:
    sys.path[0] = os.getcwd()  # instead of this file's folder: as `millau serve` and `python -m` have it
    application = load(target)
    server = _ReferenceServer(("127.0.0.1", 0), _RequestHandler)
    server.set_app(application)
    os.write(1, b"serving on port %d\n" % server.server_port)  # sys.stdout may be the application's by now
    threading.Thread(target=_end_with_parent, daemon=True).start()
    server.serve_forever()


def _end_with_parent() -> None:
    """The test runner holds the other end of standard input; when it is gone, so is this server's reason."""
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1])
