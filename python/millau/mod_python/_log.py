"""The error log: levels as words, through ``wsgi.errors`` where there is a request, else through standard error."""

from __future__ import annotations

import sys
from typing import Protocol

from millau._engine import Errors

NAMES = ("emerg", "alert", "crit", "error", "warn", "notice", "info", "debug")
LEAST = 5
"""Apache leaves out what is less than a warning unless told otherwise; here notices are written too."""


class Stream(Protocol):
    """What a line is written to."""

    def write(self, text: str, /) -> object:
        """Take a text."""


def write_log(message: object, level: int, stream: Stream | None = None, debug: bool = False) -> None:
    """Write a message with the name of its level; what is less than a notice only while debugging."""
    level &= 7
    if level > LEAST and not debug:
        return
    lines = [f"[{NAMES[level]}] {line}" for line in str(message).splitlines() or [""]]
    if isinstance(stream, Errors):
        stream.log(level, "\n".join(lines))
    else:
        (stream or sys.stderr).write("".join(f"{line}\n" for line in lines))
