"""An AJP/1.3 server for programs that start it themselves, in place of `flup.server.ajp`."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from millau._embedded import Address, Application, bind, log_level, run

__all__ = ["WSGIServer"]


class WSGIServer:
    """Serves a WSGI application over AJP/1.3.

    scriptName: the path that leads to the application; what lies elsewhere is not found. secret: what the web server must
    tell with each request; an address that other machines can reach needs one. bindAddress, allowedServers and all others:
    see `millau.scgi`.
    """

    def __init__(
        self,
        application: Application,
        scriptName: str = "",
        environ: Mapping[str, Any] | None = None,
        multithreaded: bool = True,
        multiprocess: bool = False,
        bindAddress: Address = ("localhost", 8009),
        allowedServers: Sequence[str] | None = None,
        loggingLevel: int = logging.INFO,
        debug: bool = False,
        secret: str = "",
        **pool: Any,
    ) -> None:
        self.application = application
        self.scriptName = scriptName
        self.environ = environ
        self.multithreaded = multithreaded
        self.multiprocess = multiprocess
        self.bindAddress = bindAddress
        self.allowedServers = allowedServers
        self.loggingLevel = loggingLevel
        self.debug = debug
        self.secret = secret
        self.pool = pool

    def run(self) -> bool:
        """Serve until SIGTERM, SIGINT or SIGHUP comes; true after SIGHUP."""
        settings = {
            "bind": bind("ajp", self.bindAddress),
            "front-servers": ",".join(self.allowedServers or ()),
            "log-level": log_level(self.loggingLevel),
            "debug": "on" if self.debug else "off",
        }
        if self.secret:
            settings["ajp-secret"] = self.secret
        return run(
            self.application,
            settings,
            environ=self.environ,
            multithreaded=self.multithreaded,
            multiprocess=self.multiprocess,
            pool=self.pool,
            script_name=self.scriptName,
        )
