"""What a front server forces upon every application behind it: the one table of differences that are expected.

A row names the pairs (`server-way`, with `*` as a wildcard), what is different, and why. Each is in COMPATIBILITY.md, too.
"""

from __future__ import annotations

from fnmatch import fnmatch
from typing import NamedTuple

from front_server import Pair


class Forced(NamedTuple):
    pairs: str
    what: str
    why: str
    carrier: str = "*"
    """Where it is only over UNIX sockets: `unix`."""


FORCED = [
    Forced("*-http", "REMOTE_USER", "HTTP has no field for it; the application can read Authorization itself"),
    Forced("*-http", "AUTH_TYPE", "as REMOTE_USER"),
    Forced("lighttpd-ajp", "bodies", "lighttpd 1.4.69 breaks the bodies of requests over AJP against every backend"),
    Forced("lighttpd-ajp", "method POST", "see bodies: without one, lighttpd asks for a length"),
    Forced("lighttpd-ajp", "method PATCH", "AJP has no number for it, and lighttpd does not write methods out"),
    Forced("lighttpd-ajp", "CONTENT_LENGTH", "lighttpd sends a length of 0 with every request"),
    Forced("lighttpd-ajp", "a field of 20 kB", "lighttpd's AJP packets hold 8 KiB"),
    Forced("apache-fastcgi", "a field of 20 kB", "mod_proxy_fcgi leaves out variables that do not fit in 16 KiB"),
    Forced("apache-fastcgi", "a response field of 20 kB", "only HTTP and AJP have a setting for more than 8190 bytes"),
    Forced("apache-scgi", "a response field of 20 kB", "as apache-fastcgi"),
    Forced("apache-uwsgi", "a response field of 20 kB", "as apache-fastcgi"),
    Forced("apache-spawn", "a response field of 20 kB", "as apache-fastcgi"),
    Forced("apache-cgi", "a response field of 20 kB", "as apache-fastcgi"),
    Forced("apache-relay", "a response field of 20 kB", "as apache-fastcgi"),
    Forced("lighttpd-ajp", "a response field of 20 kB", "lighttpd's AJP packets hold 8 KiB"),
    Forced("*-ajp", "REQUEST_URI", "AJP carries a path that the front server has decoded and encoded again"),
    Forced(
        "apache-ajp", "dots behind empty segments", "without MergeSlashes, .. takes an empty segment alone (RFC 3986)"
    ),
    Forced("lighttpd-ajp", "empty segments", "lighttpd merges slashes in what it sends over AJP"),
    Forced("lighttpd-ajp", "path /caf%e9", "the condition that AJP needs here fits no path that is no UTF-8"),
    Forced("apache-spawn", "break without a length", "mod_fcgid takes every end of a connection for the response's"),
    Forced(
        "apache-cgi", "break without a length", "mod_cgid takes every end of the program's output for the response's"
    ),
    Forced("apache-scgi", "chunked is refused", "Apache's mod_proxy_scgi sends lengths only: 411"),
    Forced("apache-uwsgi", "chunked is refused", "Apache's mod_proxy_uwsgi sends lengths only: 411"),
    Forced("*-cgi", "GATE", "a variable of its own process is what a CGI program has its request's in"),
    Forced("apache-relay", "break without a length", "as apache-cgi"),
    Forced("*-scgi", "break without a length", "SCGI has no other end of a response than the connection's", "unix"),
    Forced("apache-uwsgi", "break without a length", "mod_proxy_uwsgi does not always see the reset before the end"),
    Forced(
        "*-uwsgi",
        "break without a length",
        "the uwsgi protocol has no other end of a response than the connection's",
        "unix",
    ),
    Forced("nginx-fastcgi", "killed without a length", "with fastcgi_buffering off nginx does not ask for END_REQUEST"),
    Forced("lighttpd-*", "break without a length", "lighttpd takes every end of a connection for the response's"),
    Forced("apache-scgi", "break with a length", "Apache counts what came over SCGI and corrects the length", "unix"),
    Forced("lighttpd-*", "method FROBNICATE", "lighttpd answers methods that it does not know with 501"),
    Forced("lighttpd-*", "HTTP_X_EMPTY", "lighttpd drops a field without a value"),
    Forced("lighttpd-*", "underscore", "lighttpd passes X_Real on as the same variable as X-Real"),
]


def forced(pair: Pair, what: str) -> str | None:
    """Why it cannot be otherwise; None if it must be as everywhere."""
    return next(
        (
            row.why
            for row in FORCED
            if row.what == what and fnmatch(str(pair), row.pairs) and fnmatch(pair.carrier, row.carrier)
        ),
        None,
    )
