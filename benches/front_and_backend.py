"""Starts a backend and a web server before it, in one session, so that both are counted and ended as one server.

    python front_and_backend.py --front nginx --bind fastcgi://127.0.0.1:9000 --port 8000 --directory DIR -- BACKEND ...

The web server's configuration is what `millau config` prints, whoever the backend is: what differs is the backend and
the protocol. It ends when one of the two does.
"""

import argparse
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

READY_DEADLINE = 25.0

PROGRAMS = {"nginx": "nginx", "apache": "apache2"}
"""The programs of the front servers that `millau config` knows and this benchmark uses."""

PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin"
"""Where they are looked for: /usr/sbin is seldom on a user's path."""


def once(configuration: str) -> str:
    """nginx's configuration without what keeps connections to the backend open: each request opens one."""
    kept = ("keepalive ", "fastcgi_keep_conn ", "proxy_http_version ", "proxy_set_header Connection ")
    lines = configuration.splitlines(keepends=True)
    return "".join(line for line in lines if not line.lstrip().startswith(kept))


def configuration(chosen: argparse.Namespace) -> str:
    """What `millau config` prints, without kept connections where that is asked for."""
    millau = Path(sys.executable).with_name("millau")
    listen = f"127.0.0.1:{chosen.port}"
    command = [
        millau,
        "config",
        chosen.front,
        "--bind",
        chosen.bind,
        "--listen",
        listen,
        "--complete",
        chosen.directory,
    ]
    printed = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    return once(printed) if chosen.once else printed


def front_command(front: str, file: Path) -> list[str]:
    """The front server in the foreground with this configuration."""
    return (
        [PROGRAMS[front], "-c", str(file)] if front == "nginx" else [PROGRAMS[front], "-DFOREGROUND", "-f", str(file)]
    )


def wait_until_listening(bind: str, backend: subprocess.Popen[bytes]) -> None:
    """Until the backend takes connections: a front server that finds none remembers that for a while."""
    deadline = time.monotonic() + READY_DEADLINE
    while True:
        try:
            connect(bind).close()
            return
        except OSError as error:
            if backend.poll() is not None:
                raise SystemExit(f"the backend ended at its start with {backend.returncode}") from error
            if time.monotonic() > deadline:
                raise SystemExit(f"the backend does not listen at {bind} after {READY_DEADLINE:.0f} s") from error
            time.sleep(0.05)


def connect(bind: str) -> socket.socket:
    """A connection to an address as `--bind` has it."""
    scheme, _, address = bind.partition(":")
    if scheme.endswith("+unix"):
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(address)
        except OSError:
            connection.close()
            raise
        return connection
    host, _, port = address.removeprefix("//").rpartition(":")
    return socket.create_connection((host, int(port)), timeout=1)


def main() -> None:
    """Starts the backend, then the front server, and waits for the first end."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--front", required=True, choices=PROGRAMS, help="the web server")
    parser.add_argument("--bind", required=True, help="how it reaches the backend, as for `millau serve`")
    parser.add_argument("--port", required=True, type=int, help="where it listens")
    parser.add_argument("--directory", required=True, help="for its files")
    parser.add_argument("--once", action="store_true", help="a connection to the backend for each request")
    parser.add_argument("backend", nargs="+", help="the command that starts the backend")
    chosen = parser.parse_args()
    file = Path(chosen.directory) / "front.conf"
    file.write_text(configuration(chosen))
    # The web server's own user writes here when it has left root behind.
    Path(chosen.directory).chmod(0o777)
    backend = subprocess.Popen(chosen.backend)
    wait_until_listening(chosen.bind, backend)
    subprocess.Popen(front_command(chosen.front, file), env={**os.environ, "PATH": PATH})
    _, status = os.wait()
    # Whoever started this ends the other one with the session.
    raise SystemExit(f"the front server or the backend ended with {os.waitstatus_to_exitcode(status)}")


if __name__ == "__main__":
    main()
