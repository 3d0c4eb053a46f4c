"""A FastCGI server for programs that start it themselves, in place of `flup.server.fcgi`."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from millau._embedded import Address, Application, bind, listens, run, unix_mode
from millau.cgi import WSGIServer as CGIServer

__all__ = ["FCGI_RESPONDER", "WSGIServer"]

FCGI_RESPONDER = 1
"""The role of a FastCGI application that answers requests (FastCGI 1.0, §6.2)."""


class WSGIServer:
    """Serves a WSGI application over FastCGI.

    bindAddress: the path of a UNIX socket, or (host, port). Without it the web server has started this program: the
    socket that it handed over is served, or, if it handed over none, the one request of a CGI program.
    environ: more for the environ of each request. multithreaded: whether the application may be called by several threads
    at once. multiprocess: whether there are other processes like this one. umask: for the UNIX socket. debug: show
    tracebacks to the client. forceCGI: see `FCGI_FORCE_CGI` of flup. maxThreads: most threads. maxChildren: most
    processes, which are forked. multiplexed, minSpare, maxSpare, maxRequests and timeout are there for the sake of programs
    that give them; the engine sees to what they are about.
    """

    def __init__(
        self,
        application: Application,
        environ: Mapping[str, Any] | None = None,
        multithreaded: bool = True,
        multiprocess: bool = False,
        bindAddress: Address | None = None,
        umask: int | None = None,
        multiplexed: bool = False,
        debug: bool = False,
        roles: Sequence[int] = (FCGI_RESPONDER,),
        forceCGI: bool = False,
        **pool: Any,
    ) -> None:
        if FCGI_RESPONDER not in roles:
            raise ValueError("only the role of a responder is served: roles must hold FCGI_RESPONDER")
        self.application = application
        self.environ = environ
        self.multithreaded = multithreaded
        self.multiprocess = multiprocess
        self.bindAddress = bindAddress
        self.umask = umask
        self.debug = debug
        self.forceCGI = forceCGI or os.environ.get("FCGI_FORCE_CGI", "N").upper().startswith("Y")
        self.pool = pool

    def run(self) -> bool:
        """Serve until SIGTERM, SIGINT or SIGHUP comes; true after SIGHUP. As a CGI program, end the process."""
        if self.bindAddress is not None:
            front = bind("fastcgi", self.bindAddress)
        elif not self.forceCGI and listens(0):
            front = "fastcgi+fd:0"
        else:
            whole = CGIServer(self.application, environ=self.environ, debug=self.debug).run()
            sys.exit(0 if whole else 1)
        settings = {"bind": front, "unix-mode": unix_mode(self.umask), "debug": "on" if self.debug else "off"}
        return run(
            self.application,
            settings,
            environ=self.environ,
            multithreaded=self.multithreaded,
            multiprocess=self.multiprocess,
            pool=self.pool,
        )
