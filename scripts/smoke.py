"""Serves a small application with the Millau of this interpreter and asks it for three answers.

Only the standard library is used, so that any CPython that has the wheel can run it.
"""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

APPLICATION = """
def application(environ, start_response):
    body = environ["wsgi.input"].read()
    if environ["PATH_INFO"] == "/missing":
        start_response("404 Not Here", [("Content-Type", "text/plain")])
        return [b"nothing"]
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-Method", environ["REQUEST_METHOD"])])
    return [b"hello " + body]
"""


def main() -> None:
    """Start, ask, stop; any difference ends the program with a message."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "smoke_application.py").write_text(APPLICATION)
        command = [sys.executable, "-m", "millau", "serve", "smoke_application", "--bind", "http://127.0.0.1:0"]
        server = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True, env=os.environ)
        try:
            ask(port_when_ready(server))
            server.send_signal(signal.SIGTERM)
            code = server.wait(60)
            expect("exit code after SIGTERM", code, 0)
        finally:
            if server.poll() is None:
                server.kill()
                server.wait()
    version = ".".join(map(str, sys.version_info[:3]))
    print(f"CPython {version}: served, answered and stopped")


def port_when_ready(server: subprocess.Popen[str]) -> int:
    """Read the server's messages until it is ready, and return the port that it named."""
    assert server.stderr is not None
    seen = []
    port = None
    for line in server.stderr:
        seen.append(line)
        if "listening on http://" in line:
            port = int(line.rsplit(":", 1)[1])
        if " ready: generation " in line and port is not None:
            return port
    sys.exit("the server ended before it was ready:\n" + "".join(seen))


def ask(port: int) -> None:
    """Three requests over one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for method, path, sent, status, reason, received in [
        ("GET", "/", None, 200, "OK", b"hello "),
        ("POST", "/", b"from the client", 200, "OK", b"hello from the client"),
        ("GET", "/missing", None, 404, "Not Here", b"nothing"),
    ]:
        connection.request(method, path, body=sent)
        response = connection.getresponse()
        expect(f"status of {method} {path}", (response.status, response.reason), (status, reason))
        expect(f"body of {method} {path}", response.read(), received)
        if status == 200:
            expect("the field that the application set", response.headers["X-Method"], method)
    connection.close()


def expect(what: str, found: object, wanted: object) -> None:
    """Compare, and end the program if they differ."""
    if found != wanted:
        sys.exit(f"{what}: {found!r} instead of {wanted!r}")


if __name__ == "__main__":
    main()
