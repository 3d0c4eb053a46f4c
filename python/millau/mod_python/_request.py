"""The request object, over WSGI's ``environ``."""

from __future__ import annotations

import base64
import binascii
import functools
import os
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from email.utils import formatdate
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from millau.mod_python import _constants as c
from millau.mod_python import _response
from millau.mod_python._connection import Connection, Server
from millau.mod_python._finfo import FileInfo
from millau.mod_python._log import write_log
from millau.mod_python._output import File, Output
from millau.mod_python._table import table

if TYPE_CHECKING:
    from millau.mod_python._targets import Target

BUFFER = 64 * 1024
"""Output that is not flushed is kept up to this size, so that a short page gets a Content-Length."""
_SUFFIXES = {
    ".html": "text/html",
    ".htm": "text/html",
    ".txt": "text/plain",
    ".css": "text/css",
    ".xml": "application/xml",
}
REDIRECTS = 10
"""How often a request may redirect internally, as in Apache."""


def path_text(value: str) -> str:
    """Give a path of ``environ`` (PEP 3333: bytes as Latin-1) in the encoding of file names."""
    return value.encode("latin-1").decode("utf-8", "surrogateescape")


class HandlerList:
    """What ``req.hlist`` gives: which handler runs, and for which directory it is configured."""

    def __init__(self, handler: str, directory: str) -> None:
        self.handler = handler
        self.directory = directory
        self.silent = 0


class Request:
    """What a handler is called with; the manual describes it, and attributes may be added freely."""

    phase = "PythonHandler"
    interpreter = "main_interpreter"
    handler = "mod_python"
    assbackwards = 0
    proxyreq = c.PROXYREQ_NONE
    read_body = c.REQUEST_CHUNKED_DECHUNK
    expecting_100 = False
    content_languages: tuple[str, ...] = ()
    content_encoding: str | None = None
    vlist_validator: str | None = None
    no_cache = False
    no_local_copy = False
    used_path_info = c.AP_REQ_DEFAULT_PATH_INFO
    extension: str | None = None
    main: Request | None = None
    form: Any
    """The fields of the form, once somebody has made them; before that there is no such attribute."""
    next: Request | None = None
    prev: Request | None = None

    def __init__(self, environ: dict[str, Any], output: Output, target: Target) -> None:
        self._environ = environ
        self._output = output
        self._target = target
        self._buffer: list[bytes] = []
        self._buffered = 0
        self._bytes_queued = 0
        self._is_error = False
        self._cleanups: list[tuple[Callable[[Any], object], Any]] = []
        self._stack: list[str] = []
        self._content_type_set = False
        self._content_type: str | None = None
        self._finfo: FileInfo | None = None
        self._status_line: str | None = None

        self.request_time = time.time()
        self.method: str = environ["REQUEST_METHOD"]
        self.protocol: str = environ.get("SERVER_PROTOCOL", "HTTP/1.0")
        self.uri = path_text(environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", ""))
        query = environ.get("QUERY_STRING", "")
        self.unparsed_uri: str = environ.get("REQUEST_URI") or self.uri + (f"?{query}" if query else "")
        self.args: str | None = query if query or "?" in self.unparsed_uri else None
        self.user: str | None = environ.get("REMOTE_USER") or None
        self.ap_auth_type: str | None = environ.get("AUTH_TYPE") or None
        self._filename = target.directory
        self.path_info = ""
        self.status = c.HTTP_OK
        self.mtime = 0.0
        self.clength = 0
        self.chunked = False
        self.read_length = 0
        self.eos_sent = False
        self.allowed_methods: list[str] = []
        self.allowed_xmethods: tuple[str, ...] = ()
        self.headers_out = table()
        self.err_headers_out = table()
        self.subprocess_env = table()
        self.notes = table()

    # What the request says

    @functools.cached_property
    def server(self) -> Server:
        """Give the server that the request came to."""
        return Server(self._environ, self._target.options.copy(), self._target.config.copy())

    @functools.cached_property
    def connection(self) -> Connection:
        """Give the connection that the request came by."""
        return Connection(self._environ, self.server)

    @functools.cached_property
    def hlist(self) -> HandlerList:
        """Say which handler runs."""
        return HandlerList(self._target.name, self._target.directory)

    @functools.cached_property
    def headers_in(self) -> table:
        """Give the fields that the client sent."""
        return _headers(self._environ)

    @property
    def the_request(self) -> str:
        """Give the first line of the request."""
        return f"{self.method} {self.unparsed_uri} {self.protocol}"

    @property
    def header_only(self) -> bool:
        """Say whether this is a HEAD request."""
        return self.method == "HEAD"

    @property
    def proto_num(self) -> int:
        """Give the version of HTTP as a number: 1.1 is 1001."""
        major, _, minor = self.protocol.removeprefix("HTTP/").partition(".")
        return int(major or 0) * 1000 + int(minor or 0) if major.isdecimal() and (minor or "0").isdecimal() else 0

    @property
    def method_number(self) -> int:
        """Give one of ``apache.M_*``."""
        return c.METHOD_NUMBERS.get(self.method, c.M_INVALID)

    @property
    def allowed(self) -> int:
        """Give the allowed methods as bits."""
        return sum({1 << c.METHOD_NUMBERS[name] for name in self.allowed_methods if name in c.METHOD_NUMBERS})

    @property
    def hostname(self) -> str:
        """Give the host that the client asked for, without its port."""
        host: str = self._environ.get("HTTP_HOST") or self._environ.get("SERVER_NAME", "")
        return host[: host.find("]") + 1] if host.startswith("[") else host.partition(":")[0]

    @property
    def filename(self) -> str:
        """Give the name of the file that is asked for, which need not exist."""
        return self._filename

    @filename.setter
    def filename(self, value: str) -> None:
        self._filename, self._finfo = value, None

    @property
    def range(self) -> str | None:
        """Give the Range field."""
        return self.headers_in.first("Range")

    @property
    def canonical_filename(self) -> str:
        """Give the name of the file that is asked for."""
        return self.filename

    @property
    def parsed_uri(self) -> tuple[str | int | None, ...]:
        """Give scheme, hostinfo, user, password, hostname, port, path, query and fragment; None for what is not there."""
        if self.unparsed_uri.startswith("/"):
            return (None, None, None, None, None, None, self.uri, self.args, None)
        parts = urlsplit(self.unparsed_uri)
        return (parts.scheme, parts.netloc, None, None, parts.hostname, parts.port, self.uri, self.args, None)

    @property
    def useragent_ip(self) -> str:
        """Give the address of the client."""
        return self.connection.client_ip

    @property
    def useragent_addr(self) -> tuple[str, int]:
        """Give the address and the port of the client."""
        return self.connection.client_addr

    @property
    def finfo(self) -> FileInfo:
        """Say what is known of the file at ``filename``."""
        if self._finfo is None:
            self._finfo = FileInfo(self.filename)
        return self._finfo

    @finfo.setter
    def finfo(self, value: FileInfo) -> None:
        self._finfo = value

    def is_https(self) -> int:
        """Say whether the client speaks TLS."""
        return int(self._environ.get("wsgi.url_scheme") == "https")

    def ssl_var_lookup(self, name: str) -> str | None:
        """Look up a variable of mod_ssl, which a front server must have passed on."""
        value = self._environ.get(name)
        if value is None and name == "HTTPS":
            return "on" if self.is_https() else "off"
        return value if isinstance(value, str) and "." not in name else None

    def get_basic_auth_pw(self) -> str | None:
        """Give the password of Basic authentication and set ``user``; None where there is none."""
        scheme, _, credentials = (self.headers_in.first("Authorization") or "").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            text = base64.b64decode(credentials.strip(), validate=True).decode("latin-1")
        except (binascii.Error, ValueError):
            return None
        user, colon, password = text.partition(":")
        if not colon:
            return None
        self.user, self.ap_auth_type = user, "Basic"
        return password

    def get_remote_host(self, type: int = c.REMOTE_NAME, str_is_ip: object = None) -> str | tuple[str, int] | None:
        """Give the client's address. Names are never looked up, as with Apache's ``HostnameLookups Off``."""
        name = self.connection.remote_host
        if type in (c.REMOTE_HOST, c.REMOTE_DOUBLE_REV) and not name:
            return None
        found = name or self.connection.client_ip
        return found if str_is_ip is None else (found, int(not name))

    def construct_url(self, uri: str) -> str:
        """Give the whole URL of a path on this server."""
        scheme = "https" if self.is_https() else "http"
        host = self.headers_in.first("Host")
        if not host:
            port = self.server.port
            host = self.server.server_hostname + ("" if port in (0, 80 if scheme == "http" else 443) else f":{port}")
        return f"{scheme}://{host}{uri}"

    def document_root(self) -> str:
        """Give the directory that the target serves."""
        return self._target.directory

    def get_config(self) -> table:
        """Give the directives in effect, as far as there are any here: PythonDebug and PythonAutoReload."""
        return self.server.get_config()

    def get_options(self) -> table:
        """Give what ``--python-option`` has set."""
        return self.server.get_options()

    def get_addhandler_exts(self) -> str:
        """Give the suffixes of an AddHandler directive: none."""
        return ""

    def auth_name(self) -> str | None:
        """Give AuthName, which is not configured here."""
        return None

    def auth_type(self) -> str | None:
        """Give how the server in front has authenticated the user, if it has."""
        return self._environ.get("AUTH_TYPE") or None

    def requires(self) -> tuple[str, ...]:
        """Give the arguments of Require directives: none."""
        return ()

    def add_common_vars(self) -> None:
        """Put the variables of CGI into ``subprocess_env``."""
        for name, value in self._environ.items():
            if isinstance(value, str) and "." not in name:
                self.subprocess_env[name] = value
        self.subprocess_env["SCRIPT_FILENAME"] = self.filename
        self.subprocess_env["DOCUMENT_ROOT"] = self.document_root()
        if self.user:
            self.subprocess_env["REMOTE_USER"] = self.user

    add_cgi_vars = add_common_vars

    # The body of the request

    @property
    def remaining(self) -> int:
        """Say how many bytes of the body are left to read, where its length is known."""
        length = self._environ.get("CONTENT_LENGTH") or "0"
        return max(0, int(length) - self.read_length)

    @property
    def read_chunked(self) -> bool:
        """Say whether the body came without a length."""
        return not self._environ.get("CONTENT_LENGTH") and bool(self._environ.get("wsgi.input_terminated"))

    def read(self, length: int = -1) -> bytes:
        """Read so many bytes of the body, or all that are left."""
        data: bytes = self._environ["wsgi.input"].read(length) if length >= 0 else self._environ["wsgi.input"].read()
        self.read_length += len(data)
        return data

    def readline(self, length: int = -1) -> bytes:
        """Read a line of the body, or as much of it as is asked for."""
        source = self._environ["wsgi.input"]
        data: bytes = source.readline(length) if length >= 0 else source.readline()
        self.read_length += len(data)
        return data

    def readlines(self, sizehint: int = -1) -> list[bytes]:
        """Read lines of the body until there are so many bytes, or all."""
        lines, size = [], 0
        while line := self.readline():
            lines.append(line)
            size += len(line)
            if 0 <= sizehint <= size:
                break
        return lines

    def discard_request_body(self) -> int:
        """Read what is left of the body and forget it."""
        while self.read(BUFFER):
            pass
        return c.OK

    # The response

    @property
    def content_type(self) -> str | None:
        """Give the Content-Type of the response: what was set, or what the suffix of the file in the URL stands for."""
        return (
            self._content_type if self._content_type_set else _SUFFIXES.get(os.path.splitext(self._filename)[1].lower())
        )

    @content_type.setter
    def content_type(self, value: str | None) -> None:
        self._content_type = value
        self._content_type_set = True

    @property
    def status_line(self) -> str:
        """Give the status with its phrase."""
        return self._status_line or _response.status_line(self.status)

    @status_line.setter
    def status_line(self, value: str) -> None:
        self._status_line = value

    @property
    def sent_bodyct(self) -> int:
        """Say how many bytes of the body are on their way."""
        return self._output.sent

    bytes_sent = sent_bodyct

    def write(self, data: str | bytes, flush: int = 1) -> None:
        """Write a piece of the response; a text is sent as UTF-8. Unless ``flush`` is 0 it goes out now, and the head first."""
        if isinstance(data, str):
            data = data.encode("utf-8", "surrogateescape")
        elif not isinstance(data, bytes):
            raise TypeError(f"req.write() takes str or bytes, not {type(data).__name__}")
        if self._output.file:
            self.flush()
        self._bytes_queued += len(data)
        self._buffer.append(data)
        self._buffered += len(data)
        if flush or self._buffered > BUFFER:
            self.flush()

    def flush(self) -> None:
        """Send what was written so far."""
        self._start(None)
        data, self._buffer, self._buffered = b"".join(self._buffer), [], 0
        self._output.write(data)
        self._output.send_file()

    def sendfile(self, path: str, offset: int = 0, len: int = -1) -> int:
        """Send a part of a file, by default all of it, and give the number of its bytes."""
        file = File(path, offset, len)
        if self._output.file:
            self.flush()
        # What was written before is sent before; if nothing follows, the server sends the file without Python.
        self._output.file = file
        self._bytes_queued += file.length
        return file.length

    def set_content_length(self, length: int) -> None:
        """Say how long the response is."""
        self.clength = length
        self.headers_out["Content-Length"] = str(length)

    def send_http_header(self) -> None:
        """Do nothing: the head goes out with the first piece of the body."""

    def set_etag(self) -> None:
        """Set an ETag made from the size and the time of ``filename``."""
        info = self.finfo
        if info.filetype == c.APR_REG:
            self.headers_out["ETag"] = f'"{info.size:x}-{int(self.mtime or info.mtime):x}"'

    def set_last_modified(self) -> None:
        """Set Last-Modified from ``mtime``."""
        if self.mtime:
            self.headers_out["Last-Modified"] = formatdate(min(self.mtime, time.time()), usegmt=True)

    def update_mtime(self, dependency_mtime: float) -> None:
        """Set ``mtime``, if this is later."""
        self.mtime = max(self.mtime, dependency_mtime)

    def meets_conditions(self) -> int:
        """Judge the conditions of the request: ``apache.OK``, or the status to answer with."""
        return _response.meets_conditions(self)

    def allow_methods(self, methods: Sequence[str], reset: int = 0) -> None:
        """Add to the methods that the Allow field names."""
        if reset:
            self.allowed_methods = []
        self.allowed_methods += [name for name in methods if name not in self.allowed_methods]

    # What happens beside

    def log_error(self, message: object, level: int = c.APLOG_ERR) -> None:
        """Write a line into the error log."""
        write_log(message, level, self._environ["wsgi.errors"], self._target.debug)

    def register_cleanup(self, callable: Callable[[Any], object], data: Any = None) -> None:
        """Call something with ``data`` when the response is complete."""
        self._cleanups.append((callable, data))

    def add_handler(self, htype: str, handler: str, dir: str | None = None) -> None:
        """Add a handler: PythonHandler runs after this one, PythonLogHandler and PythonCleanupHandler at the end.

        The phases before the response are over when a handler runs here, so that handlers for those never run.
        """
        if htype == "PythonHandler":
            self._stack.append(handler)
        elif htype in ("PythonLogHandler", "PythonCleanupHandler"):
            name = htype.removeprefix("Python").lower()
            self.register_cleanup(lambda _: self._target.resolve(handler, name, self)(self))

    def internal_redirect(self, new_uri: str) -> None:
        """Answer with what another path of this target answers."""
        depth, before = 1, self.prev
        while before is not None:
            depth, before = depth + 1, before.prev
        if depth > REDIRECTS:
            raise RuntimeError(f"more than {REDIRECTS} internal redirects in one request; the last is to {new_uri}")
        self._target.redirect(self, new_uri)

    # For the target

    def _start(self, length: int | None) -> None:
        if not self._output.started:
            self.chunked = length is None and "Content-Length" not in self.headers_out
            self._output.start(self.status_line, _response.head(self, self._is_error, length))

    def _set_error(self, status: int) -> None:
        """Make the response one of an error, unless it has begun."""
        if self._output.started:
            return
        self.status, self._status_line = status, None
        self._output.file = None
        self._is_error = status not in (c.HTTP_NOT_MODIFIED, c.HTTP_NO_CONTENT)
        page = _response.error_page(self, status) if self._is_error else b""
        self.content_type = "text/html; charset=iso-8859-1" if page else None
        self._buffer, self._buffered = [page], len(page)

    def _finish(self) -> Iterable[bytes]:
        """Give what is left of the response to WSGI."""
        if self.user:
            self._environ["REMOTE_USER"] = self.user
        file = self._output.file
        rest, self._buffer = b"".join(self._buffer), []
        if not self._output.started:
            self._start(len(rest) + (file.length if file else 0))
        self.eos_sent = True
        return self._output.finish(rest, not self.chunked, self._clean_up)

    def _clean_up(self) -> None:
        """Run what was registered, the last first. What fails is logged and fails nothing else."""
        while self._cleanups:
            callable, data = self._cleanups.pop()
            try:
                callable(data)
            except Exception:
                self.log_error(f"a cleanup of {self.the_request} failed:\n{traceback.format_exc()}")
        if self._output.file:
            self._output.file.file.close()


def _headers(environ: dict[str, Any]) -> table:
    fields = table()
    for name, value in environ.items():
        if name.startswith("HTTP_") and isinstance(value, str):
            fields.add(name[5:].replace("_", "-").title(), value)
        elif name in ("CONTENT_TYPE", "CONTENT_LENGTH") and value:
            fields.add(name.replace("_", "-").title(), value)
    return fields
