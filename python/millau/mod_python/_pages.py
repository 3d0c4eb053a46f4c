"""Pages of Python Server Pages, compiled once, and again when the page or a file that it includes has changed.

The compiled code has the line numbers of the page, so that a traceback shows the page. A code object has one file name only:
lines of included files are kept as numbers out of every page's reach, and put right when a traceback is made.
"""

from __future__ import annotations

import ast
import bisect
import linecache
import os
import threading
from dataclasses import dataclass
from types import CodeType, TracebackType
from typing import Any

from millau._engine import translate_psp
from millau.mod_python._importer import Stamp, stamp

PAGES = 512
"""So many compiled pages are kept; mod_python's number."""

_FILE = 1 << 20
"""The line of an included file is its line and so many times the number of the file."""

_Piece = tuple[int, int, int, int, int, int]


@dataclass
class Page:
    """A compiled page."""

    filename: str
    code: CodeType
    files: list[str]
    """The page itself, then what it includes."""
    stamps: list[Stamp | None]
    names: frozenset[str]
    """All global names that the page uses, its functions included."""

    def is_fresh(self) -> bool:
        """Say whether all files are as they were."""
        return all(known == stamp(path) for path, known in zip(self.files, self.stamps))

    def relocated(self, error: BaseException) -> BaseException:
        """Give the error with a traceback in which lines of included files are in those files."""
        trace = error.__traceback__
        entries = []
        while trace is not None:
            entries.append(trace)
            trace = trace.tb_next
        following: TracebackType | None = None
        for entry in reversed(entries):
            frame, last, line = entry.tb_frame, entry.tb_lasti, entry.tb_lineno
            if frame.f_code.co_filename == self.filename and line >= _FILE:
                frame, last, line = self._stand_in(entry)
            following = TracebackType(following, frame, last, line)
        return error.with_traceback(following)

    def _stand_in(self, entry: TracebackType) -> tuple[Any, int, int]:
        """Make a frame that looks as if the code stood in the included file."""
        file, line = divmod(entry.tb_lineno, _FILE)
        path = self.files[file]
        statement = ast.Raise(exc=ast.Name("__psp_error__", ast.Load()), cause=None)
        for node in ast.walk(statement):
            if isinstance(node, ast.expr | ast.stmt):
                _place(node, line, *_whole_line(path, line))
        module = ast.Module([statement], [])
        code = compile(module, path, "exec").replace(co_name=entry.tb_frame.f_code.co_name)
        variables = dict(entry.tb_frame.f_locals)
        error = RuntimeError()
        scope = {**entry.tb_frame.f_globals, "__psp_error__": error}
        try:
            exec(code, scope, variables)
        except RuntimeError as raised:
            if raised is error and error.__traceback__ and error.__traceback__.tb_next:
                made = error.__traceback__.tb_next
                return made.tb_frame, made.tb_lasti, line
        return entry.tb_frame, entry.tb_lasti, line


class Pages:
    """The pages that are kept, by path or text."""

    def __init__(self) -> None:
        self._pages: dict[str, Page] = {}
        self._lock = threading.Lock()

    def from_file(self, path: str) -> Page:
        """Give the page of a file in its present state. Raises SyntaxError with the page's own lines."""
        with self._lock:
            page = self._pages.get(path)
            if page and page.is_fresh():
                return page
        # Compiled without the lock: two threads may do it at once, and either result is right.
        return self._keep(path, compile_file(path))

    def from_text(self, text: str) -> Page:
        """Give the page of a text."""
        key = f"\0{text}"
        with self._lock:
            page = self._pages.get(key)
        return page or self._keep(
            key, _compile(f"<psp {abs(hash(text)):x}>", text.encode("utf-8", "surrogateescape"), [], None)
        )

    def _keep(self, key: str, page: Page) -> Page:
        with self._lock:
            if len(self._pages) >= PAGES and key not in self._pages:
                oldest = self._pages.pop(next(iter(self._pages)))
                linecache.cache.pop(oldest.filename, None)
            self._pages[key] = page
        return page


def translate(
    filename: str, contents: bytes, directory: str | None
) -> tuple[str, list[str], list[_Piece], dict[str, tuple[Stamp | None, bytes]]]:
    """Translate a page; the last of the answer is what the included files hold, and their state before that was read."""
    included: dict[str, tuple[Stamp | None, bytes]] = {}

    def find(name: str) -> tuple[str, bytes]:
        path = name if os.path.isabs(name) else os.path.join(directory or "", name)
        before = stamp(path)
        with open(path, "rb") as file:
            contents = file.read()
        first, _ = included.get(path, (before, b""))
        included[path] = first, contents
        return path, contents

    code, files, pieces = translate_psp(filename, contents, find)
    return code, files, pieces, included


def compile_file(path: str) -> Page:
    """Compile the page of a file."""
    before = stamp(path)
    with open(path, "rb") as file:
        contents = file.read()
    return _compile(path, contents, [before], os.path.dirname(path))


def _compile(filename: str, contents: bytes, stamps: list[Stamp | None], directory: str | None) -> Page:
    _remember(filename, contents)
    source, files, pieces, included = translate(filename, contents, directory)
    for path, (_, text) in included.items():
        _remember(path, text)
    map = _Map(files, pieces)
    try:
        tree = ast.parse(source, filename)
    except SyntaxError as error:
        raise map.syntax_error(error) from None
    for node in ast.walk(tree):
        map.relocate(node)
    try:
        code = compile(tree, filename, "exec", dont_inherit=True)
    except SyntaxError as error:
        file, line = divmod(error.lineno or 1, _FILE)
        raise map.in_page(error, file, line, error.offset or 1) from None
    known = stamps + [included[path][0] for path in files[1:]] if stamps else []
    return Page(filename, code, files if stamps else [filename], known or [None], frozenset(_names(code)))


def _remember(path: str, contents: bytes) -> None:
    """Let tracebacks show the lines of a page, whatever its encoding is."""
    text = contents.decode("utf-8-sig", "replace").replace("\r\n", "\n")
    lines = [line + "\n" for line in text.split("\n")]
    linecache.cache[path] = (len(contents), None, lines, path)


def _names(code: CodeType) -> set[str]:
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= _names(constant)
    return names


def _whole_line(path: str, line: int) -> tuple[int, int]:
    """Give the columns of the text of a line: tracebacks mark nothing if all of it is meant."""
    text = linecache.getline(path, line).rstrip().encode("utf-8", "replace")
    return len(text) - len(text.lstrip()), len(text)


def _place(node: Any, line: int, column: int, end_column: int) -> None:
    node.lineno = node.end_lineno = line
    node.col_offset, node.end_col_offset = column, end_column


class _Map:
    """From places in the Python text to places in the page."""

    def __init__(self, files: list[str], pieces: list[_Piece]) -> None:
        self._files = files
        self._pieces = pieces
        self._starts = [(piece[0], piece[1]) for piece in pieces]

    def find(self, line: int, column: int) -> tuple[int, int, int, bool]:
        """Give file, line and column, and whether it is text of the page that stands there."""
        index = bisect.bisect_right(self._starts, (line, column)) - 1
        if index < 0:
            return 0, 1, 0, False
        at, begin, length, file, page_line, page_column = self._pieces[index]
        inside = at == line and column <= begin + length
        return file, page_line, page_column + (column - begin if inside else 0), inside and length > 0

    def relocate(self, node: ast.AST) -> None:
        """Give a node the place in the page that it comes from."""
        if "lineno" not in node._attributes:
            return
        at: Any = node
        file, line, column, copied = self.find(at.lineno, at.col_offset)
        end_file, end_line, end_column, end_copied = self.find(at.end_lineno, max(0, at.end_col_offset - 1))
        if copied and end_copied and file == end_file and (line, column) <= (end_line, end_column):
            at.lineno, at.end_lineno = line + file * _FILE, end_line + file * _FILE
            at.col_offset, at.end_col_offset = column, end_column + 1
        else:
            _place(at, line + file * _FILE, *_whole_line(self._files[file], line))

    def syntax_error(self, error: SyntaxError) -> SyntaxError:
        """Give the error that Python has found in its text, at its place in the page."""
        file, line, column, _ = self.find(error.lineno or 1, self._column(error))
        return self.in_page(error, file, line, column + 1)

    def in_page(self, error: SyntaxError, file: int, line: int, offset: int) -> SyntaxError:
        """Give the same error at another place."""
        path = self._files[file]
        return type(error)(error.msg, (path, line, offset, linecache.getline(path, line)))

    @staticmethod
    def _column(error: SyntaxError) -> int:
        """Give the column in bytes, as everything else counts it."""
        return len((error.text or "")[: max(0, (error.offset or 1) - 1)].encode("utf-8", "replace"))
