"""mp_conn and mp_server: the connection and the server behind a request, as far as WSGI tells."""

from __future__ import annotations

import atexit
import itertools
import os
from collections.abc import Callable
from typing import Any, NoReturn

from millau.mod_python import _constants as c
from millau.mod_python._log import write_log
from millau.mod_python._table import table

_numbers = itertools.count(1)


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0


class Server:
    """What ``req.server`` is."""

    def __init__(self, environ: dict[str, Any], options: table, config: table) -> None:
        self._options = options
        self._config = config
        self.defn_name: str | None = None
        self.defn_line_number = 0
        self.server_admin = environ.get("SERVER_ADMIN", "[no address given]")
        self.server_hostname: str = environ.get("SERVER_NAME", "localhost")
        self.names: tuple[str, ...] = ()
        self.wild_names: tuple[str, ...] = ()
        self.port = _number(environ.get("SERVER_PORT", ""))
        self.error_fname: str | None = None
        self.loglevel = c.APLOG_WARNING
        self.is_virtual = False
        self.timeout = 0
        self.keep_alive_timeout = 0
        self.keep_alive_max = 0
        self.keep_alive = 1
        self.path: str | None = None
        self.pathlen = 0
        self.limit_req_line = 0
        self.limit_req_fieldsize = 0
        self.limit_req_fields = 0

    def get_config(self) -> table:
        """Give the directives, which Millau has as settings of its own; see the table in the documentation."""
        return self._config

    def get_options(self) -> table:
        """Give what ``--python-option`` has set."""
        return self._options

    def log_error(self, message: object, level: int = c.APLOG_ERR) -> None:
        """Write a line into the error log."""
        write_log(message, level)

    def register_cleanup(self, request: object, callable: Callable[[Any], object], data: Any = None) -> None:
        """Call something when the process ends."""
        atexit.register(callable, data)


class Connection:
    """What ``req.connection`` is."""

    def __init__(self, environ: dict[str, Any], server: Server) -> None:
        self.base_server = server
        self.client_ip: str = environ.get("REMOTE_ADDR", "")
        self.client_addr = (self.client_ip, _number(environ.get("REMOTE_PORT", "")))
        self.local_ip: str = environ.get("SERVER_ADDR", environ.get("SERVER_NAME", ""))
        self.local_addr = (self.local_ip, _number(environ.get("SERVER_PORT", "")))
        self.local_host: str | None = None
        self.remote_host: str | None = environ.get("REMOTE_HOST")
        self.remote_logname: str | None = environ.get("REMOTE_IDENT")
        self.aborted = False
        self.keepalive = c.AP_CONN_UNKNOWN
        self.keepalives = 0
        self.double_reverse = 0
        self.id = next(_numbers) << 22 | os.getpid() & 0x3FFFFF
        self.notes = table()

    @property
    def remote_ip(self) -> str:
        """Give the name that `client_ip` had before Apache 2.4."""
        return self.client_ip

    @property
    def remote_addr(self) -> tuple[str, int]:
        """Give the name that `client_addr` had before Apache 2.4."""
        return self.client_addr

    def log_error(self, message: object, level: int = c.APLOG_ERR) -> None:
        """Write a line into the error log."""
        write_log(message, level)

    def read(self, length: int = -1) -> NoReturn:
        """Refuse: only a connection handler may read from the connection, and there are none here."""
        raise NotImplementedError("connection handlers are not supported: use req.read()")

    readline = read

    def write(self, data: str | bytes) -> NoReturn:
        """Refuse: only a connection handler may write to the connection, and there are none here."""
        raise NotImplementedError("connection handlers are not supported: use req.write()")
