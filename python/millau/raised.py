"""Takes an exception apart: its chain, its frames with source lines and values. Knows no form of showing them."""

from __future__ import annotations

import builtins
import linecache
import os
import site
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FrameType, FunctionType, ModuleType, TracebackType
from typing import NamedTuple

from millau.guarded_repr import Budget

__all__ = ["Frame", "Line", "Raised", "Reader"]

AROUND = 5
"""Source lines before and after the line that ran."""

MOST_FRAMES = 60
"""Frames of one exception; of a longer traceback, the middle is left out."""

MOST_VALUES = 60
"""Values of one frame."""

MOST_EXCEPTIONS = 40
"""Exceptions of one page: causes, contexts and members of groups together."""

LONGEST_LINE = 500
"""Characters of a source line."""


class Line(NamedTuple):
    """A line of source beside one that ran."""

    number: int
    text: str
    # The part that ran, as far as it is known.
    begin: int
    end: int
    here: bool


class Frame(NamedTuple):
    """A call that had not returned when it was raised."""

    file: str
    number: int
    function: str
    lines: list[Line]
    values: list[tuple[str, str]]
    library: bool


class Raised(NamedTuple):
    """An exception, or one that led to it."""

    kind: str
    message: str
    frames: list[Frame | int]
    """An int stands for that many frames that are left out."""
    relation: str
    """How it came to the exception after it; empty for the last one."""
    members: list[list[Raised]]


class Reader:
    """Takes an exception apart."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._seen: set[int] = set()

    def chain(self, error: BaseException) -> list[Raised]:
        """Give the exception with what led to it, the first cause first."""
        found: list[tuple[BaseException, str]] = []
        relation = ""
        current: BaseException | None = error
        while current is not None and id(current) not in self._seen and len(self._seen) < MOST_EXCEPTIONS:
            self._seen.add(id(current))
            found.append((current, relation))
            if current.__cause__ is not None:
                relation, current = "was the direct cause of", current.__cause__
            elif current.__context__ is not None and not current.__suppress_context__:
                relation, current = "was being handled when this happened", current.__context__
            else:
                current = None
        return [self._raised(error, relation) for error, relation in reversed(found)]

    def _raised(self, error: BaseException, relation: str) -> Raised:
        kind = type(error)
        name = (
            kind.__qualname__
            if kind.__module__ in ("builtins", "__main__")
            else f"{kind.__module__}.{kind.__qualname__}"
        )
        frames = list(_frames(error.__traceback__))
        left_out = len(frames) - MOST_FRAMES
        shown: list[Frame | int] = []
        for index, (frame, number, instruction) in enumerate(frames):
            if left_out > 0 and MOST_FRAMES // 3 <= index < MOST_FRAMES // 3 + left_out:
                if index == MOST_FRAMES // 3:
                    shown.append(left_out)
                continue
            shown.append(self._frame(frame, number, instruction))
        if isinstance(error, SyntaxError) and error.filename:
            shown.append(_syntax(error))
        members = getattr(error, "exceptions", None)
        inside = [self.chain(member) for member in members] if _is_group(error) and members else []
        return Raised(name, _message(error), shown, relation, [member for member in inside if member])

    def _frame(self, frame: FrameType, number: int, instruction: int) -> Frame:
        code = frame.f_code
        values = []
        try:
            names = list(frame.f_locals.items())
        except Exception:
            names = []
        if code.co_name == "<module>":
            # What a module defines and imports says nothing about what went wrong.
            names = [(name, value) for name, value in names if not (name.startswith("__") or _is_definition(value))]
        for name, value in names[:MOST_VALUES]:
            values.append((str(name), self._budget.shown(value, name)))
        if len(names) > MOST_VALUES:
            values.append(("…", f"{len(names) - MOST_VALUES} more"))
        lines = _source(code, frame, number, instruction)
        function = getattr(code, "co_qualname", code.co_name)
        return Frame(code.co_filename, number, function, lines, values, _is_library(code.co_filename))


def _is_definition(value: object) -> bool:
    return isinstance(value, (ModuleType, FunctionType, BuiltinFunctionType, type))


def _is_group(error: BaseException) -> bool:
    # Since Python 3.11.
    group = getattr(builtins, "BaseExceptionGroup", None)
    return group is not None and isinstance(error, group)


def _frames(trace: TracebackType | None) -> Iterator[tuple[FrameType, int, int]]:
    while trace is not None:
        # tb_lineno is None where an instruction belongs to no line.
        yield trace.tb_frame, trace.tb_lineno or trace.tb_frame.f_code.co_firstlineno, trace.tb_lasti
        trace = trace.tb_next


def _message(error: BaseException) -> str:
    try:
        message = str(error.msg) if isinstance(error, SyntaxError) else str(error)
        notes = [str(note) for note in getattr(error, "__notes__", ())]
    except Exception as fault:
        return f"(its message cannot be shown: {type(fault).__name__})"
    return "\n".join([message[:4000], *notes][:20])


def _source(code: CodeType, frame: FrameType, number: int, instruction: int) -> list[Line]:
    begin_line, end_line, begin, end = _position(code, number, instruction)
    lines = []
    for line in range(max(1, number - AROUND), max(number, end_line) + AROUND + 1):
        text = linecache.getline(code.co_filename, line, frame.f_globals)
        if not text:
            break
        text = text.rstrip("\r\n").expandtabs() if begin == end else text.rstrip("\r\n")
        here = begin_line <= line <= end_line
        first = _column(text, begin) if line == begin_line else len(text) - len(text.lstrip())
        last = _column(text, end) if line == end_line else len(text)
        marked = here and begin != end
        lines.append(Line(line, text[:LONGEST_LINE], first if marked else 0, last if marked else 0, here))
        if line > number + 4 * AROUND:
            break
    return lines


def _position(code: CodeType, number: int, instruction: int) -> tuple[int, int, int, int]:
    """Lines and columns of the expression that ran; Python knows them from 3.11 on."""
    if hasattr(code, "co_positions") and instruction >= 0:
        for index, position in enumerate(code.co_positions()):
            if index == instruction // 2:
                first, last, begin, end = position
                if first == number and last is not None and begin is not None and end is not None:
                    return first, last, begin, end
                break
    return number, number, 0, 0


def _column(text: str, offset: int) -> int:
    """Columns are counted in bytes of UTF-8."""
    return len(text.encode("utf-8", "surrogatepass")[:offset].decode("utf-8", "ignore"))


def _syntax(error: SyntaxError) -> Frame:
    number = error.lineno or 1
    file = error.filename or "?"
    lines = []
    for line in range(max(1, number - AROUND), number + AROUND + 1):
        text = linecache.getline(file, line) or (error.text or "" if line == number else "")
        text = text.rstrip("\r\n")
        begin = max(0, (error.offset or 1) - 1) if line == number else 0
        end_offset = getattr(error, "end_offset", None) or 0
        end = max(begin + 1, end_offset - 1) if line == number else 0
        if text or line == number:
            lines.append(Line(line, text[:LONGEST_LINE], begin, end, line == number))
    return Frame(file, number, "", lines, [], False)


def _is_library(file: str) -> bool:
    if file.startswith("<"):
        return True
    return any(file.startswith(folder + os.sep) for folder in _library_folders())


def _library_folders() -> list[str]:
    folders = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    folders += [*site.getsitepackages(), str(Path(__file__).parent)] if hasattr(site, "getsitepackages") else []
    return [folder for folder in folders if folder]
