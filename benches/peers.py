"""The servers that are compared, each with the exact command that starts it.

Rules that hold for all of them: one worker, access log off, everything else at its default, except where a workload
asks for more and the server has a switch for it: threads where requests sleep (`threads`), and room for thousands of
connections that stay open (`idle`). Both are given to every server that knows them, and can be read here.
"""

import os

from behind import BEHIND
from server import Place, Server


def millau(place: Place, *extra: str) -> list[str]:
    """`millau serve`, all defaults."""
    idle = ["--keep-alive-timeout", "300"] if place.idle else []
    return [place.program("millau"), "serve", place.target, "--bind", f"http://127.0.0.1:{place.port}", *idle, *extra]


def millau_one_thread(place: Place) -> list[str]:
    """`millau serve --threads 1`: calls never overlap."""
    return millau(place, "--threads", "1")


def granian(place: Place, *extra: str) -> list[str]:
    """`granian --interface wsgi`; by default it has up to 64 blocking threads and 1,024 connections."""
    idle = ["--backlog", "8192", "--backpressure", "8192"] if place.idle else []
    address = ["--host", "127.0.0.1", "--port", str(place.port)]
    return [place.program("granian"), "--interface", "wsgi", *address, "--workers", "1", *idle, *extra, place.target]


def granian_one_thread(place: Place) -> list[str]:
    """Granian as its documentation advises for applications that do not wait."""
    return granian(place, "--blocking-threads", "1")


def gunicorn(place: Place, *extra: str) -> list[str]:
    """gunicorn, one worker."""
    idle = ["--worker-connections", "8192", "--keep-alive", "300"] if place.idle else []
    common = ["--bind", f"127.0.0.1:{place.port}", "--workers", "1", "--log-level", "warning"]
    return [place.program("gunicorn"), *common, *idle, *extra, place.target]


def gunicorn_gthread(place: Place) -> list[str]:
    """The threaded worker; 4 threads where nothing else is asked for."""
    return gunicorn(place, "--worker-class", "gthread", "--threads", str(place.threads or 4))


def gunicorn_sync(place: Place) -> list[str]:
    """The default worker; it closes the connection after each response."""
    return gunicorn(place, "--worker-class", "sync")


def uwsgi(place: Place, threads: int = 1) -> list[str]:
    """uWSGI with its own HTTP/1.1 socket, no router process between; strict, so that no option is silently ignored."""
    # fmt: off
    return [
        place.program("uwsgi"), "--strict", "--http11-socket", f"127.0.0.1:{place.port}",
        "--virtualenv", str(place.venv), "--module", place.target, "--need-app",
        "--master", "--processes", "1", "--threads", str(threads), "--enable-threads",
        "--listen", "1024", "--disable-logging", "--die-on-term",
    ]
    # fmt: on


def uwsgi_64_threads(place: Place) -> list[str]:
    """uWSGI configured for requests that wait."""
    return uwsgi(place, threads=64)


def bjoern(place: Place) -> list[str]:
    """bjoern has no command: its own `run`."""
    start = f"import bjoern; from {place.module} import application; bjoern.run(application, '127.0.0.1', {place.port})"
    return [place.python, "-c", start]


def fastpysgi(place: Place) -> list[str]:
    """FastPySGI through its own `run`."""
    start = f"import fastpysgi; from {place.module} import application; "
    return [place.python, "-c", f"{start}fastpysgi.run(application, '127.0.0.1', {place.port})"]


def fastwsgi(place: Place) -> list[str]:
    """fastwsgi through its own `run`."""
    start = f"import fastwsgi; from {place.module} import application; "
    return [place.python, "-c", f"{start}fastwsgi.run(application, '127.0.0.1', {place.port})"]


def waitress(place: Place) -> list[str]:
    """waitress; its default is 4 threads and 100 connections."""
    threads = [f"--threads={place.threads}"] if place.threads else []
    idle = ["--connection-limit=8192", "--channel-timeout=300", "--asyncore-use-poll"] if place.idle else []
    return [place.program("waitress-serve"), f"--listen=127.0.0.1:{place.port}", *threads, *idle, place.target]


def mod_wsgi(place: Place, *extra: str) -> list[str]:
    """mod_wsgi-express: Apache (event MPM) in front of one daemon process, 5 threads by default."""
    threads = ["--threads", str(place.threads)] if place.threads else []
    idle = ["--keep-alive-timeout", "300"] if place.idle else []
    # Apache serves nothing as root, and another account may not be able to read the interpreter. In a user namespace of
    # its own it is not root and reads the same files.
    account = ["unshare", "--user", "--map-user=65534", "--map-group=65534"] if os.geteuid() == 0 else []
    # fmt: off
    return [
        *account, place.program("mod_wsgi-express"), "start-server", "--application-type", "module", place.module,
        "--host", "127.0.0.1", "--port", str(place.port), "--processes", "1", *threads, *idle,
        "--server-root", str(place.scratch / "apache"), "--working-directory", str(place.apps),
        "--log-to-terminal", "--locale", "C.UTF-8", *extra,
    ]
    # fmt: on


def mod_wsgi_embedded(place: Place) -> list[str]:
    """The application inside Apache's own child process."""
    return mod_wsgi(place, "--embedded-mode")


SERVERS = {
    server.name: server
    for server in [
        Server("millau", "millau", millau, "defaults"),
        Server("millau-1", "millau", millau_one_thread, "--threads 1"),
        Server("granian", "granian", granian, "defaults"),
        Server("granian-1", "granian", granian_one_thread, "--blocking-threads 1"),
        Server("gunicorn-gthread", "gunicorn", gunicorn_gthread, "gthread, 4 threads (64 in the mix)"),
        Server("gunicorn-sync", "gunicorn", gunicorn_sync, "sync"),
        Server("uwsgi", "uwsgi", uwsgi, "--http11-socket, 1 thread"),
        Server("uwsgi-64", "uwsgi", uwsgi_64_threads, "--http11-socket, 64 threads"),
        Server("bjoern", "bjoern", bjoern, "single-threaded"),
        Server("fastpysgi", "fastpysgi", fastpysgi, "single-threaded"),
        Server("fastwsgi", "fastwsgi", fastwsgi, "single-threaded"),
        Server("waitress", "waitress", waitress, "4 threads (64 in the mix)"),
        Server("mod_wsgi", "mod_wsgi", mod_wsgi, "Apache event, one daemon process, 5 threads (64 in the mix)"),
        Server("mod_wsgi-embedded", "mod_wsgi", mod_wsgi_embedded, "Apache event, embedded"),
        *BEHIND,
    ]
}
