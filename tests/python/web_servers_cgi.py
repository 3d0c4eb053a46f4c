"""Apache and lighttpd as servers of CGI programs, each on a free port with a configuration of its own.

`prefix` is a command that executes the server's; `environment` is what programs have besides the variables of the request.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from client import Client, Response
from server import PATIENCE

APACHE_MODULES = Path("/usr/lib/apache2/modules")


class WebServer:
    """A server that runs: where it listens, and what it logs."""

    def __init__(self, name: str, port: int, log: Path) -> None:
        self.name = name
        self.port = port
        self.log = log

    def client(self) -> Client:
        return Client(socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE))

    def request(self, method="GET", target="/", fields=(), body=None) -> Response:
        with self.client() as client:
            return client.request(method, target, fields, body)


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


@contextlib.contextmanager
def running(name: str, command: list[str], port: int, log: Path) -> Iterator[WebServer]:
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log.open("ab"))
    try:
        deadline = time.monotonic() + PATIENCE
        while True:
            with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
                break
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"{' '.join(command)} did not start:\n{log.read_text()}")
            time.sleep(0.02)
        yield WebServer(name, port, log)
    finally:
        process.terminate()
        process.wait(PATIENCE)


@contextlib.contextmanager
def apache(
    programs: Path, folder: Path, prefix: Iterable[str] = (), environment: Mapping[str, str] | None = None
) -> Iterator[WebServer]:
    """`programs` below /cgi-bin, run by mod_cgid."""
    port, log = free_port(), folder / "apache.log"
    user = "User www-data\nGroup www-data\n" if os.geteuid() == 0 else ""
    modules = ["mpm_event", "authz_core", "unixd", "alias", "env", "cgid"]
    loads = "".join(
        f"LoadModule {name}_module {APACHE_MODULES}/mod_{name}.so\n"
        for name in modules
        if (APACHE_MODULES / f"mod_{name}.so").exists()
    )
    # Its socket and pid file need a directory that its own user may write to.
    run = folder / "apache-run"
    run.mkdir(exist_ok=True)
    run.chmod(0o777)
    variables = "".join(f"SetEnv {name} {json.dumps(value)}\n" for name, value in (environment or {}).items())
    configuration = folder / "apache.conf"
    configuration.write_text(
        f"ServerRoot {folder}\nServerName localhost\nListen 127.0.0.1:{port}\nPidFile {run}/pid\nErrorLog {log}\n{loads}{user}{variables}"
        f"ScriptSock {run}/cgisock\nDocumentRoot {folder}\nScriptAlias /cgi-bin/ {programs}/\n"
        f"<Directory {programs}>\nRequire all granted\n</Directory>\n"
    )
    executable = shutil.which("apache2", path=os.environ.get("PATH", "") + ":/usr/sbin") or "apache2"
    with running(
        "apache", [*prefix, executable, "-d", str(folder), "-f", str(configuration), "-DFOREGROUND"], port, log
    ) as server:
        yield server


@contextlib.contextmanager
def lighttpd(
    programs: Path, folder: Path, prefix: Iterable[str] = (), environment: Mapping[str, str] | None = None
) -> Iterator[WebServer]:
    """`programs` below /cgi-bin, run by mod_cgi."""
    port, log = free_port(), folder / "lighttpd.log"
    variables = ", ".join(f'"{name}" => "{value}"' for name, value in (environment or {}).items())
    configuration = folder / "lighttpd.conf"
    configuration.write_text(
        f'server.modules = ("mod_alias", "mod_setenv", "mod_cgi")\nserver.bind = "127.0.0.1"\nserver.port = {port}\n'
        f'server.document-root = "{folder}"\nserver.errorlog = "{log}"\nserver.breakagelog = "{log}"\n'
        f"setenv.set-environment = ({variables})\n"
        f'alias.url = ("/cgi-bin/" => "{programs}/")\n'
        '$HTTP["url"] =~ "^/cgi-bin/" { cgi.assign = ("" => "") }\n'
    )
    executable = shutil.which("lighttpd", path=os.environ.get("PATH", "") + ":/usr/sbin") or "lighttpd"
    with running("lighttpd", [*prefix, executable, "-D", "-f", str(configuration)], port, log) as server:
        yield server


def missing() -> list[str]:
    """Which of the two are not installed."""
    path = os.environ.get("PATH", "") + ":/usr/sbin"
    return [name for name in ("apache2", "lighttpd") if shutil.which(name, path=path) is None]
