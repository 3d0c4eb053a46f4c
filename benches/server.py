"""What a server is to the benchmark: a name, and the command that starts it in a place."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Place:
    """What a command line depends on."""

    venv: Path
    apps: Path
    scratch: Path
    module: str
    port: int
    threads: int | None = None
    idle: bool = False
    backend_port: int = 0
    """Where a server behind a front server listens; clients ask at `port`."""
    unix: bool = False
    """It listens at `socket` instead."""

    @property
    def socket(self) -> Path:
        """The UNIX socket of a server behind a front server."""
        return self.scratch / "backend.sock"

    @property
    def python(self) -> str:
        """The interpreter of the benchmark's virtual environment."""
        return str(self.venv / "bin" / "python")

    def program(self, name: str) -> str:
        """A command of the benchmark's virtual environment."""
        return str(self.venv / "bin" / name)

    @property
    def target(self) -> str:
        """The application, as most servers want it named."""
        return f"{self.module}:application"


@dataclass(frozen=True)
class Server:
    """One way to start one server."""

    name: str
    package: str
    command: Callable[[Place], list[str]]
    note: str
    front: str | None = None
    """The program of the web server in front, whose processes are also shown apart."""
