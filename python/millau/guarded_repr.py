"""Shows values of a program that has just failed: short, quick, without secrets, and whatever their ``repr`` does."""

from __future__ import annotations

import re
import sys
import time
from types import FrameType
from typing import Any

__all__ = ["HIDDEN", "Budget", "is_secret"]

HIDDEN = "(hidden: its name says that it is secret)"
"""What is shown in place of a secret."""

_SECRET = re.compile(
    r"passw|passphrase|secret|token|key|credential|authorization|cookie|signature|private", re.IGNORECASE
)

# `password='x'` in the text of a value whose own repr shows its parts.
_SECRET_PART = re.compile(
    r"""(\b\w*(?:passw|passphrase|secret|token|key|credential|authorization|cookie|signature|private)\w*['"]?\s*[=:]\s*)"""
    r"""(b?'(?:\\.|[^'\\])*'|b?"(?:\\.|[^"\\])*"|[^\s,()\[\]{}]+)""",
    re.IGNORECASE,
)

LONGEST = 1000
"""Characters of a value; what is longer is cut."""

MOST_ITEMS = 30
"""Items of a container, on each level."""

DEEPEST = 4
"""Levels of containers inside one another."""


def is_secret(name: object) -> bool:
    """Whether a name says that its value is not for everyone's eyes."""
    return isinstance(name, str) and _SECRET.search(name) is not None


class _OutOfTime(BaseException):
    """Not an Exception: a ``repr`` that catches everything must not catch this."""


class Budget:
    """The time that showing values may take, for one value and for all of them together, in seconds."""

    def __init__(self, each: float = 0.25, all: float = 2.0) -> None:
        self._each = each
        self._left = all

    def shown(self, value: object, name: str = "") -> str:
        """Give a short text for a value. Never raises."""
        if is_secret(name):
            return HIDDEN
        if self._left <= 0:
            return f"<{_kind(value)}, not shown: the values before it took too long>"
        began = time.monotonic()
        try:
            return _cut(self._within(value, began + min(self._each, self._left)))
        except _OutOfTime:
            return f"<{_kind(value)}, not shown: its repr() takes too long>"
        except RecursionError:
            return f"<{_kind(value)}, not shown: its repr() never ends>"
        except Exception as error:
            return f"<{_kind(value)}, not shown: its repr() raised {type(error).__name__}>"
        finally:
            self._left -= time.monotonic() - began

    def _within(self, value: object, deadline: float) -> str:
        """Let Python code that runs on behalf of ``repr`` look at the clock at each of its steps.

        What runs in C without calling Python cannot be interrupted so.
        """

        def look(frame: FrameType, event: str, argument: Any) -> Any:
            if time.monotonic() > deadline:
                raise _OutOfTime
            # A loop in one line has no further lines.
            frame.f_trace_opcodes = True
            return look

        before = sys.gettrace()
        sys.settrace(look)
        try:
            return _text(value, 0)
        finally:
            sys.settrace(before)


def _kind(value: object) -> str:
    return getattr(type(value), "__qualname__", "object")


def _text(value: object, level: int) -> str:
    """Give the ``repr`` of containers piece by piece, so that a large one costs no more than what is shown of it."""
    kind = type(value)
    if kind is str or kind is bytes:
        return _sliced(value)  # type: ignore[arg-type]
    if kind is dict:
        return _mapping(value, level)  # type: ignore[arg-type]
    for container, opening, closing in (
        (list, "[", "]"),
        (tuple, "(", ")"),
        (set, "{", "}"),
        (frozenset, "frozenset({", "})"),
    ):
        if kind is container:
            return _items(value, opening, closing, level)
    if kind is int and value.bit_length() > 10_000:  # type: ignore[attr-defined]
        return f"<int of {value.bit_length()} bits>"  # type: ignore[attr-defined]
    return _without_secrets(_cut(repr(value)))


def _sliced(value: str | bytes) -> str:
    if len(value) <= LONGEST:
        return repr(value)
    unit = "characters" if isinstance(value, str) else "bytes"
    return f"{value[:LONGEST]!r}… ({len(value)} {unit})"


def _mapping(value: dict[Any, Any], level: int) -> str:
    if level >= DEEPEST:
        return "{…}" if value else "{}"
    shown: list[str] = []
    for key, item in value.items():
        if len(shown) == MOST_ITEMS:
            shown.append(f"… ({len(value)} items)")
            break
        text = HIDDEN if is_secret(key) else _text(item, level + 1)
        shown.append(f"{_text(key, level + 1)}: {text}")
    return "{" + ", ".join(shown) + "}"


def _items(value: Any, opening: str, closing: str, level: int) -> str:
    if not value:
        return repr(value)
    if level >= DEEPEST:
        return f"{opening}…{closing}"
    shown: list[str] = []
    for item in value:
        if len(shown) == MOST_ITEMS:
            shown.append(f"… ({len(value)} items)")
            break
        shown.append(_text(item, level + 1))
    comma = "," if opening == "(" and len(shown) == 1 else ""
    return opening + ", ".join(shown) + comma + closing


def _cut(text: str) -> str:
    if len(text) <= 4 * LONGEST:
        return text
    return f"{text[: 4 * LONGEST]}… ({len(text)} characters)"


def _without_secrets(text: str) -> str:
    return _SECRET_PART.sub(lambda found: found.group(1) + HIDDEN, text)
