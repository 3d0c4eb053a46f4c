"""A server in a program that starts it itself, as the servers of flup are: what they have in common."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from millau._engine import serve

__all__ = ["Address", "Application", "bind", "listens", "log_level", "name_of", "run", "unix_mode", "with_environ"]

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]
"""A WSGI application (PEP 3333)."""

Address = str | tuple[str, int] | tuple[str, int, int, int]
"""The path of a UNIX socket, or host and port; an empty host is every interface."""

IGNORED = {"minSpare", "maxSpare", "maxRequests", "sockTimeout", "timeout"}
"""What flup's thread and process pools are told, and Millau sees to itself."""


def bind(scheme: str, address: Address) -> str:
    """The front at an address, as `--bind` has it."""
    if isinstance(address, str):
        return f"{scheme}+unix:{os.path.abspath(address)}"
    host, port = address[0], address[1]
    if ":" in host or len(address) > 2:
        return f"{scheme}://[{host or '::'}]:{port}"
    return f"{scheme}://{host or '0.0.0.0'}:{port}"


def unix_mode(umask: int | None) -> str:
    """The permission bits that a socket gets under this umask, or under that of the process."""
    if umask is None:
        umask = os.umask(0o077)
        os.umask(umask)
    return f"{0o777 & ~umask:o}"


def listens(descriptor: int) -> bool:
    """Whether a descriptor is a socket that listens, as a web server hands it to the FastCGI programs that it starts."""
    try:
        with socket.socket(fileno=os.dup(descriptor)) as sock:
            return bool(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
    except OSError:
        return False


def log_level(level: int) -> str:
    """A level of the module `logging`, as `--log-level` has it."""
    if level <= logging.DEBUG:
        return "debug"
    if level <= logging.INFO:
        return "info"
    return "warning" if level <= logging.WARNING else "error"


def name_of(application: object) -> str:
    """What the log calls an application."""
    name = getattr(application, "__qualname__", type(application).__qualname__)
    return f"{getattr(application, '__module__', None) or type(application).__module__}:{name}"


def with_environ(application: Application, environ: Mapping[str, Any] | None) -> Application:
    """The application with more in its environ."""
    if not environ:
        return application
    more = dict(environ)

    def extended(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        environ.update(more)
        return application(environ, start_response)

    return extended


def run(
    application: Application,
    settings: dict[str, str],
    *,
    environ: Mapping[str, Any] | None,
    multithreaded: bool,
    multiprocess: bool,
    pool: dict[str, Any],
    script_name: str = "",
) -> bool:
    """Serve until a signal ends it; true after SIGHUP. `pool` is what flup's pools are told."""
    unknown = sorted(pool.keys() - IGNORED - {"maxThreads", "maxChildren"})
    if unknown:
        raise TypeError(f"WSGIServer got an unexpected keyword argument {unknown[0]!r}")
    more = dict(environ or {})
    workers = int(pool.get("maxChildren", 1))
    if multiprocess or workers > 1:
        # Whether there are further processes like this one, the caller knows and the engine does not.
        more["wsgi.multiprocess"] = True
    if not multithreaded:
        settings["threads"] = "1"
    elif "maxThreads" in pool:
        settings["threads"] = str(min(int(pool["maxThreads"]), 1024))
    settings["workers"] = str(workers)
    return serve(with_environ(application, more), name_of(application), list(settings.items()), script_name)
