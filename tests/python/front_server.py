"""Real front servers with the configuration that `millau config` prints, and Millau behind them in every way there is.

A front server is started on a free port of the loopback interface, with its files in a directory of its own, and is
stopped by its process id. Nothing here knows what is tested.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from client import Client, Response, request_bytes
from gate import Gate
from server import APPS, PATIENCE, Server, run_millau, session_processes

import millau

USER = "alice"
PASSWORD = "wonder land"
AUTHORIZATION = ("Authorization", "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode())
SECRET = "a-secret-of-both"


@dataclass(frozen=True)
class Pair:
    """A front server and the way in which it reaches Millau."""

    server: str
    way: str
    """`http`, `fastcgi`, `scgi`, `uwsgi`, `ajp`: a protocol. `spawn`: a FastCGI program, `cgi`: a CGI program that the
    front server starts; `relay`: one that hands its requests to a server that it starts."""
    carrier: str = "tcp"

    def __str__(self) -> str:
        return f"{self.server}-{self.way}"


PAIRS = [
    Pair("nginx", "http"),
    Pair("nginx", "fastcgi", "unix"),
    Pair("nginx", "scgi"),
    Pair("nginx", "uwsgi", "unix"),
    Pair("apache", "http"),
    Pair("apache", "fastcgi", "unix"),
    Pair("apache", "spawn"),
    Pair("apache", "scgi", "unix"),
    Pair("apache", "uwsgi"),
    Pair("apache", "ajp"),
    Pair("apache", "cgi"),
    Pair("apache", "relay"),
    Pair("lighttpd", "http"),
    Pair("lighttpd", "fastcgi"),
    Pair("lighttpd", "spawn"),
    Pair("lighttpd", "scgi", "unix"),
    Pair("lighttpd", "uwsgi"),
    Pair("lighttpd", "ajp"),
    Pair("lighttpd", "cgi"),
    Pair("lighttpd", "relay"),
]

OVER_UNIX = [
    Pair("nginx", "http", "unix"),
    Pair("apache", "http", "unix"),
    Pair("apache", "ajp", "unix"),
    Pair("lighttpd", "http", "unix"),
]
"""Ways of those pairs, over UNIX sockets besides: what stands for a peer's address there decides whom Millau believes."""

ABSENT: set[str] = set()
"""Ways that Millau does not have yet. To be emptied."""

PROGRAMS = {"nginx": "nginx", "apache": "apache2", "lighttpd": "lighttpd"}


def program(server: str) -> str | None:
    """Where a front server is installed; /usr/sbin is seldom on a user's path."""
    return shutil.which(PROGRAMS[server], path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Place:
    """A directory that the front server's user can read, with what is needed in it: a gate, static files, passwords, and
    Millau with the applications for programs that run as that user."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="millau-interop-"))
        self.path.chmod(0o755)
        self.static = self.path / "static"
        self.static.mkdir()
        (self.static / "page.css").write_text("body { color: green }\n")
        self.passwords = self.path / "passwords"
        digest = base64.b64encode(hashlib.sha1(PASSWORD.encode()).digest()).decode()
        self.passwords.write_text(f"{USER}:{{SHA}}{digest}\n")
        self.gate = Gate()
        Path(self.gate.folder.name).chmod(0o755)
        Path(self.gate.path).chmod(0o777)
        for number, name in enumerate(("python", "apps")):
            source = Path(millau.__file__).parent if number == 0 else APPS
            target = self.path / name / ("millau" if number == 0 else "")
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))

    def interpreter(self) -> str:
        """One that the front server's user can start: a checkout in a home directory has its own out of their reach."""
        system = "/usr/bin/python3"
        check = [system, "-c", "import sys; sys.exit(sys.version_info < (3, 10))"]
        usable = os.path.exists(system) and subprocess.run(check).returncode == 0
        return system if usable else sys.executable

    def script(self, name: str, command: str) -> Path:
        """An executable file that runs `millau COMMAND`."""
        file = self.path / name
        file.write_text(
            f"#!/bin/sh\nexport PYTHONPATH={self.path}/python:{self.path}/apps PYTHONDONTWRITEBYTECODE=1 "
            f"GATE={self.gate.path}\nexec {self.interpreter()} -m millau {command}\n"
        )
        file.chmod(0o755)
        return file

    def relay(self, name: str, command: str) -> Path:
        """A CGI program as `millau relay` writes it."""
        millau = self.path / "bin" / "millau"
        millau.parent.mkdir(exist_ok=True)
        millau.write_text(
            f"#!{self.interpreter()}\nimport os, sys\nsys.dont_write_bytecode = True\n"
            f"sys.path[:0] = [{str(self.path / 'python')!r}, {str(self.path / 'apps')!r}]\n"
            f"os.environ['GATE'] = {self.gate.path!r}\n"
            "from millau.__main__ import main\nsys.exit(main())\n"
        )
        millau.chmod(0o755)
        file = self.path / name
        options = ["--exit-when-idle", "5", "--chdir", str(self.path / "apps")]
        subprocess.run(
            [str(millau), "relay", str(file), *command.split(), *options], check=True, stdout=subprocess.PIPE
        )
        return file

    def close(self) -> None:
        self.gate.close()
        shutil.rmtree(self.path, ignore_errors=True)


class Backend:
    """One Millau with a front for every protocol, on TCP and on UNIX sockets; `behind` at the root and at /m."""

    def __init__(
        self,
        place: Place,
        applications: Sequence[str] = ("behind", "--mount", "/m=behind"),
        cwd: Path = APPS,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.place = place
        env = place.gate.environment if env is None else env
        protocols = [way for way in ("http", "fastcgi", "scgi", "uwsgi", "ajp") if way not in ABSENT]
        self.sockets = {way: place.path / f"{way}.sock" for way in protocols}
        binds = [f"{way}://127.0.0.1:0" for way in protocols]
        binds += [f"{way}+unix:{path}" for way, path in self.sockets.items()]
        options = [word for bind in binds for word in ("--bind", bind)]
        options += ["--unix-mode", "666", "--ajp-secret", SECRET, "--ajp-packet-size", "65536"]
        options += ["--forwarded-from", "127.0.0.1", "--forwarded-from", "unix"]
        self.server = Server(*applications, *options, cwd=cwd, env=env)
        for_lighttpd = ["--bind", "ajp://127.0.0.1:0", "--ajp-paths", "decoded"]
        self.without_secret = Server(*applications, *for_lighttpd, cwd=cwd, env=env)

    def front(self, way: str, carrier: str) -> str:
        """As the front's --bind."""
        if carrier == "unix":
            return f"{way}+unix:{self.sockets[way]}"
        return next(front for front in self.server.fronts if front.startswith(f"{way}://"))

    def bind(self, pair: Pair) -> str:
        """Where the front server of a pair finds Millau."""
        if (pair.server, pair.way) == ("lighttpd", "ajp"):
            # It cannot tell a secret.
            if self.without_secret not in Server.running:
                self.without_secret.start()
            return self.without_secret.url
        return self.front(pair.way, pair.carrier)


@dataclass
class FrontServer:
    """A front server that runs. `mount` is where the application is; below a mount, every client needs a password."""

    pair: Pair
    mount: str
    port: int
    process: subprocess.Popen
    directory: Path
    configuration: str
    output: Path
    own_fields: list[tuple[str, str]] = field(default_factory=list)
    tls: ssl.SSLContext | None = None
    """What clients need where the port is one that speaks TLS."""

    running: ClassVar[list[FrontServer]] = []

    def client(self) -> Client:
        sock = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
        return Client(self.tls.wrap_socket(sock, server_hostname="localhost") if self.tls else sock)

    def bytes_of(self, method="GET", target="/", fields=(), body=None, version="1.1") -> bytes:
        """A request for something of the application, with what every request needs."""
        fields = [("Host", f"localhost:{self.port}"), *self.own_fields, *fields]
        return request_bytes(method, self.mount + target, fields, body, version)

    def request(self, method="GET", target="/", fields=(), body=None, version="1.1") -> Response:
        with self.client() as client:
            client.send(self.bytes_of(method, target, fields, body, version))
            return client.response(method)

    def log(self) -> str:
        files = [self.output, self.directory / "error.log"]
        return "".join(
            f"--- {file.name}\n{file.read_text(errors='replace')[-3000:]}" for file in files if file.exists()
        )

    def stop(self) -> None:
        """Ends it and whatever it has started, by their ids."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for process in session_processes(self.process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)


def options_for(pair: Pair, mount: str, backend: Backend) -> list[str]:
    """Of `millau config`."""
    place = backend.place
    if pair.way == "spawn":
        serve = f"serve {'' if mount else 'behind'} {f'--mount {mount}=behind' if mount else ''}"
        file = place.script(f"{pair}{mount.replace('/', '-')}.fcgi", f"{serve} --bind fastcgi+fd:0")
        options = ["--bind", "fastcgi+fd:0", "--program", str(file)]
    elif pair.way == "cgi":
        options = ["--program", str(place.script(f"{pair}{mount.replace('/', '-')}.cgi", "cgi behind"))]
    elif pair.way == "relay":
        options = ["--program", str(place.relay(f"{pair}{mount.replace('/', '-')}.cgi", "behind"))]
    else:
        options = ["--bind", backend.bind(pair)]
    if (pair.server, pair.way) == ("apache", "ajp"):
        options += ["--ajp-secret", SECRET]
    if mount:
        options += ["--mount", mount, "--password-file", str(place.passwords)]
    return [*options, "--static", f"{mount}/static={place.static}"]


def start_front_server(
    pair: Pair,
    mount: str,
    backend: Backend,
    rewrite: Callable[[str], str] = lambda printed: printed,
    also: Sequence[int] = (),
) -> FrontServer:
    """`rewrite` makes of what `millau config` prints another configuration, which may listen at further ports."""
    front = run_front_server(pair, mount, options_for(pair, mount, backend), backend.place.path, rewrite, also)
    front.own_fields = [AUTHORIZATION] if mount else []
    return front


def run_front_server(
    pair: Pair,
    mount: str,
    options: Sequence[str],
    folder: Path,
    rewrite: Callable[[str], str] = lambda printed: printed,
    also: Sequence[int] = (),
) -> FrontServer:
    """With these options of `millau config`; the server's own files in a new folder of `folder`."""
    directory = Path(tempfile.mkdtemp(prefix=f"{pair}-", dir=folder))
    directory.chmod(0o777)
    port = free_port()
    options = [*options, "--listen", f"127.0.0.1:{port}", "--complete", str(directory)]
    printed = run_millau("config", pair.server, *options)
    assert printed.returncode == 0, printed.stderr
    configuration = rewrite(printed.stdout)
    file = directory / "configuration"
    file.write_text(configuration)
    command = {
        "nginx": ["-c", str(file)],
        "apache": ["-DFOREGROUND", "-f", str(file)],
        "lighttpd": ["-D", "-f", str(file)],
    }
    output = directory / "output"
    with output.open("wb") as out:
        process = subprocess.Popen(
            [program(pair.server), *command[pair.server]],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    front = FrontServer(pair, mount, port, process, directory, configuration, output)
    try:
        for _ in range(int(PATIENCE * 20)):
            with contextlib.suppress(ConnectionRefusedError):
                # Of several listeners one is open before the other.
                for number in (port, *also):
                    socket.create_connection(("127.0.0.1", number), timeout=PATIENCE).close()
                return front
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.05)
                break
    except BaseException:
        front.stop()
        raise
    front.stop()
    raise AssertionError(f"{pair} did not start:\n{front.log()}\n{front.configuration}")


@contextlib.contextmanager
def running_backend() -> Iterator[Backend]:
    place = Place()
    try:
        backend = Backend(place)
        with backend.server:
            yield backend
            if backend.without_secret in Server.running:
                backend.without_secret.stop()
    finally:
        place.close()
