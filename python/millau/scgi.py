"""An SCGI server for programs that start it themselves, in place of `flup.server.scgi`."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from millau._embedded import Address, Application, bind, log_level, run, unix_mode

__all__ = ["WSGIServer"]


class WSGIServer:
    """Serves a WSGI application over SCGI.

    scriptName: the path that leads to the application, where the web server does not say so itself; what lies elsewhere
    is not found. bindAddress: the path of a UNIX socket, or (host, port). allowedServers: who may connect over TCP;
    None: everybody. environ, multithreaded, multiprocess, umask, debug and the arguments of pools: see `millau.fcgi`.
    """

    def __init__(
        self,
        application: Application,
        scriptName: str | None = None,
        environ: Mapping[str, Any] | None = None,
        multithreaded: bool = True,
        multiprocess: bool = False,
        bindAddress: Address = ("localhost", 4000),
        umask: int | None = None,
        allowedServers: Sequence[str] | None = None,
        loggingLevel: int = logging.INFO,
        debug: bool = False,
        **pool: Any,
    ) -> None:
        self.application = application
        self.scriptName = scriptName or ""
        self.environ = environ
        self.multithreaded = multithreaded
        self.multiprocess = multiprocess
        self.bindAddress = bindAddress
        self.umask = umask
        self.allowedServers = allowedServers
        self.loggingLevel = loggingLevel
        self.debug = debug
        self.pool = pool

    def run(self) -> bool:
        """Serve until SIGTERM, SIGINT or SIGHUP comes; true after SIGHUP."""
        settings = {
            "bind": bind("scgi", self.bindAddress),
            "unix-mode": unix_mode(self.umask),
            "front-servers": ",".join(self.allowedServers or ()),
            "log-level": log_level(self.loggingLevel),
            "debug": "on" if self.debug else "off",
        }
        return run(
            self.application,
            settings,
            environ=self.environ,
            multithreaded=self.multithreaded,
            multiprocess=self.multiprocess,
            pool=self.pool,
            script_name=self.scriptName,
        )
