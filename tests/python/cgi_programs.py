"""CGI programs for the tests: where they are, how they get there, and what they leave behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import textwrap
import uuid
from pathlib import Path

from server import Process, Server

SOURCES = Path(__file__).resolve().parents[1] / "apps_cgi"
LANGUAGES = ("py", "pl", "sh", "c")
PYTHON = "/usr/bin/python3"


class Programs:
    """A directory of CGI programs that every user may read. Used as a context manager, it is gone afterwards."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="millau-cgi-"))
        self.folder.chmod(0o755)
        self.path = self.folder / "programs"
        self.path.mkdir()
        self.mark = f"MILLAU_TEST={uuid.uuid4().hex}"

    def __enter__(self) -> Programs:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes():
            os.kill(process.pid, signal.SIGKILL)
        shutil.rmtree(self.folder)

    def write(self, name: str, text: str, mode: int = 0o755, settled: bool = True) -> Path:
        """A program with this text, without the indentation that the test gave it. `settled`: as if it had been there for
        long."""
        path = self.path / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(textwrap.dedent(text).lstrip())
        path.chmod(mode)
        if settled:
            os.utime(path, (1_000_000_000, 1_000_000_000))
        return path

    def python(self, name: str, text: str, **options) -> Path:
        """A Python program; the first line is added."""
        return self.write(name, f"#!{PYTHON}\n" + textwrap.dedent(text).lstrip(), **options)

    def install(self) -> None:
        """`program.*` in every language, and as programs that write whole responses."""
        for language in ("py", "pl", "sh"):
            shutil.copy(SOURCES / f"program.{language}", self.path)
            (self.path / f"program.{language}").chmod(0o755)
        subprocess.run(["cc", "-O1", "-o", self.path / "program.c", SOURCES / "program.c"], check=True)

    def serve(self, *args: str, **options) -> Server:
        """A server of the directory, whose programs carry a mark that tells them from everything else that runs."""
        target = f"cgi:{self.path}"
        return Server(target, "--mount", f"/cgi-bin={target}", "--cgi-env", self.mark, *args, **options)

    def processes(self) -> list[Process]:
        """Every process that has the mark: programs, warm interpreters, and what they have started."""
        found = []
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    environment = Path("/proc", entry, "environ").read_bytes()
                    stat = Path("/proc", entry, "stat").read_text()
                except (FileNotFoundError, ProcessLookupError, PermissionError):
                    continue
                if self.mark.encode() in environment.split(b"\0"):
                    values = stat.rpartition(")")[2].split()
                    found.append(Process(int(entry), int(values[1]), values[0], int(values[17])))
        return found


def zombies_of(parents: Server | set[int]) -> list[Process]:
    """The dead that a process of the server, or one of these, has not taken note of."""
    own = parents if isinstance(parents, set) else {process.pid for process in parents.processes()}
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                values = Path("/proc", entry, "stat").read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if values[0] == "Z" and int(values[1]) in own:
                found.append(Process(int(entry), int(values[1]), "Z", 0))
    return found
