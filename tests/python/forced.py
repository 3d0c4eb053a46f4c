"""What a front server forces upon every application behind it: the one table of differences that are expected.

A row names the pairs (`server-way`, with `*` as a wildcard), what is different, why, and the words in which COMPATIBILITY.md
tells it to operators (`test_forced.py`).
"""

from __future__ import annotations

from fnmatch import fnmatch
from typing import NamedTuple

from front_server import Pair


class Forced(NamedTuple):
    pairs: str
    what: str
    why: str
    told: str
    carrier: str = "*"
    """Where it is only over UNIX sockets: `unix`."""


FORCED = [
    Forced(
        "*-http",
        "REMOTE_USER",
        "HTTP has no field for it; the application can read Authorization itself",
        "REMOTE_USER",
    ),
    Forced("*-http", "AUTH_TYPE", "as REMOTE_USER", "AUTH_TYPE"),
    Forced(
        "lighttpd-ajp",
        "bodies",
        "lighttpd 1.4.69 breaks the bodies of requests over AJP against every backend",
        "request bodies are broken",
    ),
    Forced(
        "lighttpd-ajp",
        "method POST",
        "see bodies: without one, lighttpd asks for a length",
        "a POST gets 411 without one",
    ),
    Forced(
        "lighttpd-ajp",
        "method PATCH",
        "AJP has no number for it, and lighttpd does not write methods out",
        "no PATCH",
    ),
    Forced(
        "lighttpd-ajp",
        "CONTENT_LENGTH",
        "lighttpd sends a length of 0 with every request",
        "a length of 0 with every request",
    ),
    Forced("lighttpd-ajp", "a field of 20 kB", "lighttpd's AJP packets hold 8 KiB", "fit in 8 KiB"),
    Forced(
        "apache-fastcgi",
        "a field of 20 kB",
        "mod_proxy_fcgi leaves out variables that do not fit in 16 KiB",
        "a field of 16 KiB or more is left out",
    ),
    *(
        Forced(
            f"apache-{way}",
            "a response field of 20 kB",
            "only HTTP and AJP have a setting for more than 8190 bytes",
            "a response field of more than 8190 bytes gets 500",
        )
        for way in ("fastcgi", "scgi", "uwsgi", "spawn", "cgi", "relay")
    ),
    Forced("lighttpd-ajp", "a response field of 20 kB", "lighttpd's AJP packets hold 8 KiB", "fit in 8 KiB"),
    Forced(
        "*-ajp",
        "REQUEST_URI",
        "AJP carries a path that the front server has decoded and encoded again",
        "REQUEST_URI is decoded and encoded again",
    ),
    Forced(
        "apache-ajp",
        "dots behind empty segments",
        "without MergeSlashes, .. takes an empty segment alone (RFC 3986)",
        "`..` behind an empty segment",
    ),
    Forced("lighttpd-ajp", "empty segments", "lighttpd merges slashes in what it sends over AJP", "merges slashes"),
    Forced(
        "lighttpd-ajp",
        "path /caf%e9",
        "the condition that AJP needs here fits no path that is no UTF-8",
        "no path that is no UTF-8 (`/caf%e9`)",
    ),
    *(
        Forced(
            f"apache-{way}",
            "break without a length",
            "mod_fcgid and mod_cgid take every end of a program's output for the response's",
            "a response without Content-Length that breaks off passes for whole",
        )
        for way in ("spawn", "cgi", "relay")
    ),
    *(
        Forced(
            f"apache-{way}",
            "chunked is refused",
            "mod_proxy_scgi and mod_proxy_uwsgi send lengths only: 411",
            "a chunked request body gets 411",
        )
        for way in ("scgi", "uwsgi")
    ),
    Forced(
        "*-cgi",
        "GATE",
        "a variable of its own process is what a CGI program has its request's in",
        "variables of the program's own process",
    ),
    *(
        Forced(
            f"*-{way}",
            "break without a length",
            "the protocol has no other end of a response than the connection's",
            "a response without Content-Length that breaks off passes for whole",
            "unix",
        )
        for way in ("scgi", "uwsgi")
    ),
    Forced(
        "apache-uwsgi",
        "break without a length",
        "mod_proxy_uwsgi does not always see the reset before the end",
        "Apache does not always see the reset before the end",
    ),
    Forced(
        "nginx-fastcgi",
        "killed without a length",
        "with fastcgi_buffering off nginx does not ask for END_REQUEST",
        "a response passes for whole when its *worker* is killed in the middle",
    ),
    Forced(
        "lighttpd-*",
        "break without a length",
        "lighttpd takes every end of a connection for the response's",
        "a response without Content-Length that breaks off passes for whole",
    ),
    Forced(
        "apache-scgi",
        "break with a length",
        "Apache counts what came over SCGI and corrects the length",
        "also one with a length, if it is short",
        "unix",
    ),
    Forced(
        "lighttpd-*",
        "method FROBNICATE",
        "lighttpd answers methods that it does not know with 501",
        "501 for methods that it does not know",
    ),
    Forced(
        "lighttpd-*", "HTTP_X_EMPTY", "lighttpd drops a field without a value", "a field without a value is dropped"
    ),
    Forced(
        "lighttpd-*",
        "underscore",
        "lighttpd passes X_Real on as the same variable as X-Real",
        "`X_Real` poses as `X-Real`",
    ),
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
