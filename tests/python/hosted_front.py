"""Hosted applications behind real front servers: each has one Millau per mount, with every front, for all of them.

Front servers that start a program themselves get an instance of their own, which belongs to the user that they run as.
Nothing here knows what is asked of an application.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from front_server import ABSENT, PAIRS, SECRET, Backend, FrontServer, Pair, program, run_front_server
from server import APPS, Response, Server, request_bytes, run_millau
from visitor import Visitor

import millau

HOSTED_APPS = APPS.parent / "apps"

MOUNT = "/site"

HOSTED_PAIRS = [(pair, mount) for pair in PAIRS if pair.way not in ABSENT for mount in ("", MOUNT)]


@dataclass(frozen=True)
class Application:
    """`prepare` makes an instance in an empty directory."""

    name: str
    target: str
    prepare: Callable[[Path], None]
    static: str = ""
    """A directory of the instance whose files the front server serves below /static."""


class Place:
    """A directory that the front server's user can read, with Millau and instances in it."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="millau-hosted-"))
        self.path.chmod(0o755)
        self.user = front_server_user()
        self._interpreter: str | None = None
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(Path(millau.__file__).parent, self.path / "python" / "millau", ignore=ignore)
        self.packages = list(dict.fromkeys(sysconfig.get_path(name) for name in ("purelib", "platlib")))
        self._originals: dict[str, Path] = {}

    def instance(self, application: Application, name: str, of_the_user: bool = False) -> Path:
        """A copy that is made once for each name."""
        directory = self.path / name
        if directory.exists():
            return directory
        if application.name not in self._originals:
            original = self.path / f"{application.name}-original"
            original.mkdir()
            application.prepare(original)
            self._originals[application.name] = original
        shutil.copytree(self._originals[application.name], directory, symlinks=True)
        if of_the_user and self.user:
            entry = pwd.getpwnam(self.user)
            for path in [directory, *directory.rglob("*")]:
                os.chown(path, entry.pw_uid, entry.pw_gid)
        return directory

    def environment(self) -> dict[str, str]:
        """Of a program that runs as the front server's user."""
        return {"PYTHONPATH": ":".join([f"{self.path}/python", *self.packages]), "PYTHONDONTWRITEBYTECODE": "1"}

    def interpreter(self) -> str | None:
        """One that the front server's user can start, and for which the installed packages were made."""
        if self._interpreter is None:
            own = sys.version_info[:2]
            check = f"import sys, django, millau._engine; sys.exit(sys.version_info[:2] != {own})"
            as_user = {"user": self.user, "group": self.user, "extra_groups": []} if self.user else {}
            self._interpreter = ""
            for file in [sys.executable, "/usr/bin/python3", f"/usr/bin/python{own[0]}.{own[1]}"]:
                with contextlib.suppress(OSError):
                    ran = subprocess.run(
                        [file, "-c", check], env=self.environment(), cwd="/", stderr=subprocess.DEVNULL, **as_user
                    )
                    if ran.returncode == 0:
                        self._interpreter = file
                        break
        return self._interpreter or None

    def script(self, name: str, directory: Path, command: str) -> Path:
        """An executable file that runs a command of Python's in a directory."""
        exports = " ".join(f"{key}={value}" for key, value in self.environment().items())
        file = self.path / name
        file.write_text(f"#!/bin/sh\ncd {directory}\nexport {exports}\nexec {self.interpreter()} {command}\n")
        file.chmod(0o755)
        return file

    def relay(self, name: str, directory: Path, target: str) -> Path:
        """What `millau relay` writes, once: written anew it would start a server anew."""
        file = self.path / name
        if file.exists():
            return file
        command = self.path / "bin" / "millau"
        if not command.exists():
            command.parent.mkdir(exist_ok=True)
            paths = self.environment()["PYTHONPATH"].split(":")
            command.write_text(
                f"#!{self.interpreter()}\nimport sys\n\nsys.path[1:1] = {paths}\n"
                "from millau.__main__ import main\n\nsys.exit(main())\n"
            )
            command.chmod(0o755)
        options = ["--chdir", str(directory), "--exit-when-idle", "60"]
        ran = subprocess.run([command, "relay", file, target, *options], cwd="/", capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr
        return file

    def close(self) -> None:
        """What a relay has started works in one of the directories here."""
        for entry in os.listdir("/proc"):
            with contextlib.suppress(OSError):
                if entry.isdigit() and Path(os.readlink(f"/proc/{entry}/cwd")).is_relative_to(self.path):
                    os.kill(int(entry), signal.SIGTERM)
        shutil.rmtree(self.path, ignore_errors=True)


class Host:
    """One application at one mount, and the front servers before it."""

    def __init__(self, place: Place, application: Application, mount: str) -> None:
        self.application, self.mount = application, mount
        self.name = f"{application.name}-{'mounted' if mount else 'root'}"
        self.place = place
        self.path = place.path / f"{self.name}-fronts"
        self.path.mkdir()
        self.directory = place.instance(application, self.name)
        self.backend = Backend(self, self.applications(), cwd=self.directory, env={})
        self.backend.server.start()

    def applications(self) -> list[str]:
        """As arguments of `millau serve`."""
        target = self.application.target
        return ["--mount", f"{self.mount}={target}"] if self.mount else [target]

    def program(self, pair: Pair) -> Path:
        """What the front server is to start."""
        directory = self.place.instance(self.application, f"{self.name}-programs", of_the_user=True)
        if pair.way == "relay":
            return self.place.relay(f"{self.name}-relay", directory, self.application.target)
        if pair.way == "cgi":
            command = f"cgi {self.application.target}"
        else:
            command = f"serve {' '.join(self.applications())} --bind fastcgi+fd:0"
        return self.place.script(f"{self.name}-{pair}", directory, f"-m millau {command}")

    def own_program(self, pair: Pair, file: str) -> Path:
        """A program that runs a server itself, for the front server to start."""
        directory = self.place.instance(self.application, f"{self.name}-programs", of_the_user=True)
        return self.place.script(f"{self.name}-{pair}-own", directory, file)

    def options(self, pair: Pair, where: Path | str | None = None) -> list[str]:
        """Of `millau config`. `where`, if it is not Millau or started by it: a program, or a --bind."""
        options = ["--mount", self.mount] if self.mount else []
        if pair.way == "spawn":
            options += ["--bind", "fastcgi+fd:0", "--program", str(where or self.program(pair))]
        elif pair.way in ("cgi", "relay"):
            options += ["--program", str(where or self.program(pair))]
        else:
            options += ["--bind", str(where or self.backend.bind(pair))]
        if (pair.server, pair.way) == ("apache", "ajp"):
            options += ["--ajp-secret", SECRET]
        if self.application.static:
            options += ["--static", f"{self.mount}/static={self.directory / self.application.static}"]
        return options

    @contextlib.contextmanager
    def behind(self, pair: Pair, where: Path | str | None = None) -> Iterator[FrontServer]:
        front = run_front_server(pair, self.mount, self.options(pair, where), self.path)
        FrontServer.running.append(front)
        try:
            yield front
        finally:
            FrontServer.running.remove(front)
            front.stop()

    def close(self) -> None:
        for server in (self.backend.server, self.backend.without_secret):
            if server in Server.running:
                server.stop()


class Hosts:
    """Those of a session; each starts when it is first needed."""

    def __init__(self) -> None:
        self.place = Place()
        self._hosts: dict[tuple[str, str], Host] = {}

    def host(self, application: Application, mount: str) -> Host:
        key = application.name, mount
        if key not in self._hosts:
            self._hosts[key] = Host(self.place, application, mount)
        return self._hosts[key]

    def missing(self, pair: Pair) -> str | None:
        """Why a pair cannot be tried here."""
        if program(pair.server) is None:
            return f"{pair.server} is not installed"
        if pair.way in ("spawn", "cgi", "relay") and self.place.interpreter() is None:
            return f"no Python {sys.version_info[0]}.{sys.version_info[1]} that {self.place.user} may start finds the packages"
        return None

    def close(self) -> None:
        for host in self._hosts.values():
            host.close()
        self.place.close()


def front_server_user() -> str | None:
    """As whom `millau config` has front servers serve; None: as the user of the tests."""
    printed = run_millau("config", "nginx", "--complete", "/nowhere").stdout
    match = re.search(r"^user (\S+);", printed, re.M)
    return match[1] if match else None


class Browser(Visitor):
    """What a person does in a browser, at one front server. Paths are those of the application, without the mount."""

    def __init__(self, front: FrontServer) -> None:
        super().__init__(front.client, front.directory, True)
        self.front = front
        self.origin = f"http://127.0.0.1:{front.port}"

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ask(
        self,
        method: str,
        path: str,
        status: int = 200,
        fields: Sequence[tuple[str, str]] = (),
        body: bytes | None = None,
    ) -> Response:
        """`status` is that of the answer which is expected."""
        sent = [("Host", f"127.0.0.1:{self.front.port}"), *fields]
        if self.cookies:
            sent.append(("Cookie", "; ".join(f"{name}={value}" for name, value in self.cookies.items())))
        if body is not None:
            sent += [("Origin", self.origin), ("Referer", f"{self.origin}{self.front.mount}{path}")]
        self.last = self._exchange(method, request_bytes(method, self.front.mount + path, sent, body))
        self._take_cookies(self.last)
        told = f"{method} {path}: {self.last.status}, expected {status}: {self.last.fields} {self.last.body[:1500]!r}"
        assert self.last.status == status, told
        return self.last

    def get(self, path: str, status: int = 200, fields: Sequence[tuple[str, str]] = ()) -> Response:
        return self.ask("GET", path, status, fields)

    def below(self, address: str) -> str:
        """The path within the application that an address leads to, which must not lead out of the mount."""
        parts = urlsplit(address)
        assert not parts.netloc or f"http://{parts.netloc}" == self.origin, address
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        assert path.startswith(f"{self.front.mount}/"), f"{address} leads out of {self.front.mount}"
        return path[len(self.front.mount) :]

    def follow(self, status: int = 200) -> Response:
        """Where the last answer redirects to."""
        return self.get(self.below(self.last["Location"]), status)
