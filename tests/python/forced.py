"""What a front server forces upon every application behind it: the one table of differences that are expected.

A row names the pairs (`server-way`, with `*` as a wildcard), what is different, and why. Each is in COMPATIBILITY.md, too.
"""

from __future__ import annotations

from fnmatch import fnmatch
from typing import NamedTuple


class Forced(NamedTuple):
    pairs: str
    what: str
    why: str


FORCED = [
    Forced("*-http", "REMOTE_USER", "HTTP has no field for it; the application can read Authorization itself"),
    Forced("*-http", "AUTH_TYPE", "as REMOTE_USER"),
    Forced("lighttpd-*", "HTTP_X_EMPTY", "lighttpd drops a field without a value"),
    Forced("lighttpd-*", "underscore", "lighttpd passes X_Real on as the same variable as X-Real"),
]


def forced(pair: object, what: str) -> str | None:
    """Why it cannot be otherwise; None if it must be as everywhere."""
    return next((row.why for row in FORCED if row.what == what and fnmatch(str(pair), row.pairs)), None)
