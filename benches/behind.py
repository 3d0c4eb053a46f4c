"""The servers behind nginx and behind Apache, each with the command that starts it and the web server before it.

The web server is configured by `millau config` for all of them alike. Where a backend closes its connection after each
response (uWSGI and flup over FastCGI, everything over SCGI and uwsgi), nothing is said of keeping it; `millau-fastcgi-once`
shows what keeping it is worth. The backends run as they come, but with one worker and no access log, as in `peers.py`.
"""

from collections.abc import Callable
from pathlib import Path

from server import Place, Server

LAUNCHER = Path(__file__).resolve().parent / "front_and_backend.py"


def bind(place: Place, protocol: str) -> str:
    """Where the backend listens, as `--bind` of `millau` has it."""
    return f"{protocol}+unix:{place.socket}" if place.unix else f"{protocol}://127.0.0.1:{place.backend_port}"


def address(place: Place) -> str:
    """The same as most other servers have it."""
    return str(place.socket) if place.unix else f"127.0.0.1:{place.backend_port}"


def before(
    front: str, protocol: str, backend: Callable[[Place, str], list[str]], *options: str
) -> Callable[[Place], list[str]]:
    """A command that starts a web server before this backend; both get the address."""

    def command(place: Place) -> list[str]:
        way = ["--front", front, "--bind", bind(place, protocol), "--port", str(place.port)]
        start = [place.python, str(LAUNCHER), *way, "--directory", str(place.scratch), *options]
        return [*start, "--", *backend(place, protocol)]

    return command


def millau(place: Place, protocol: str) -> list[str]:
    """`millau serve`; over HTTP it believes nginx who the client is, as the others over their protocols."""
    believed = ["--forwarded-from", "unix" if place.unix else "127.0.0.1"] if protocol == "http" else []
    mode = ["--unix-mode", "666"] if place.unix else []
    return [place.program("millau"), "serve", place.target, "--bind", bind(place, protocol), *mode, *believed]


def uwsgi(place: Place, protocol: str) -> list[str]:
    """uWSGI; strict, so that no option is silently ignored."""
    mode = ["--chmod-socket=666"] if place.unix else []
    # fmt: off
    return [
        place.program("uwsgi"), "--strict", f"--{protocol}-socket", address(place), *mode,
        "--virtualenv", str(place.venv), "--module", place.target, "--need-app",
        "--master", "--processes", "1", "--threads", "1", "--enable-threads",
        "--listen", "1024", "--disable-logging", "--die-on-term",
    ]
    # fmt: on


def flup(place: Place, protocol: str) -> list[str]:
    """flup through its own `run`: a thread for each connection, as many as it likes."""
    module = {"fastcgi": "fcgi"}.get(protocol, protocol)
    where = repr(str(place.socket)) if place.unix else f"('127.0.0.1', {place.backend_port})"
    mode = ", umask=0" if place.unix else ""
    # SCGI's and AJP's write a line for each request otherwise.
    quiet = "" if protocol == "fastcgi" else ", loggingLevel=30"
    start = f"from flup.server.{module} import WSGIServer; from {place.module} import application; "
    return [place.python, "-c", f"{start}WSGIServer(application, bindAddress={where}{mode}{quiet}).run()"]


def granian(place: Place, _: str) -> list[str]:
    """Granian over HTTP, all defaults."""
    port = ["--host", "127.0.0.1", "--port", str(place.backend_port)]
    where = ["--uds", str(place.socket), "--uds-permissions", "0o666"] if place.unix else port
    return [place.program("granian"), "--interface", "wsgi", *where, "--workers", "1", place.target]


def gunicorn(place: Place, _: str) -> list[str]:
    """gunicorn over HTTP with the threaded worker, which keeps connections."""
    where = ["--bind", f"unix:{place.socket}", "--umask", "0"] if place.unix else ["--bind", address(place)]
    common = ["--workers", "1", "--log-level", "warning", "--worker-class", "gthread", "--threads", "4"]
    return [place.program("gunicorn"), *where, *common, place.target]


BEHIND = [
    Server("millau-fastcgi", "millau", before("nginx", "fastcgi", millau), "FastCGI, connections kept", "nginx"),
    Server("millau-fastcgi-once", "millau", before("nginx", "fastcgi", millau, "--once"), "a connection each", "nginx"),
    Server("millau-scgi", "millau", before("nginx", "scgi", millau), "SCGI", "nginx"),
    Server("millau-uwsgi", "millau", before("nginx", "uwsgi", millau), "uwsgi", "nginx"),
    Server("millau-http", "millau", before("nginx", "http", millau), "HTTP, connections kept", "nginx"),
    Server("uwsgi-uwsgi", "uwsgi", before("nginx", "uwsgi", uwsgi), "uwsgi, 1 thread", "nginx"),
    Server("uwsgi-fastcgi", "uwsgi", before("nginx", "fastcgi", uwsgi, "--once"), "FastCGI, 1 thread", "nginx"),
    Server("uwsgi-scgi", "uwsgi", before("nginx", "scgi", uwsgi), "SCGI, 1 thread", "nginx"),
    Server("flup-fastcgi", "flup", before("nginx", "fastcgi", flup, "--once"), "FastCGI", "nginx"),
    Server("flup-scgi", "flup", before("nginx", "scgi", flup), "SCGI", "nginx"),
    Server("granian-http", "granian", before("nginx", "http", granian), "HTTP, connections kept", "nginx"),
    Server("gunicorn-http", "gunicorn", before("nginx", "http", gunicorn), "HTTP, gthread, 4 threads", "nginx"),
    Server("millau-ajp", "millau", before("apache", "ajp", millau), "AJP behind Apache event", "apache2"),
    Server("flup-ajp", "flup", before("apache", "ajp", flup), "AJP behind Apache event", "apache2"),
]
