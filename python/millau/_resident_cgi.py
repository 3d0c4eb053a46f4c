"""CGI scripts inside the worker: what makes a script believe that it has a process to itself.

One script at a time: the environment, the current directory, ``sys.stdin``, ``sys.stdout``, ``sys.stderr``, ``sys.argv`` and
``__main__`` belong to the whole process. Other threads of the worker see them too while a script runs. Modules stay loaded
from one request to the next.
"""

from __future__ import annotations

import builtins
import codecs
import contextlib
import io
import os
import sys
import threading
import time
from functools import lru_cache
from importlib.machinery import SourceFileLoader
from types import CodeType, ModuleType, TracebackType
from typing import Any, Protocol, cast

from millau._engine import Errors, ScriptEnvironment
from millau._script_threads import end_threads
from millau._warm_cgi import check_encoding

__all__ = ["run"]

SMALL = 1 << 20
"""A body of so many bytes is read before the script runs."""

MOST_SCRIPTS = 1024
"""Scripts whose compiled code is kept."""

SETTLED = 1.0
"""Seconds that a script must have been left alone before its code is kept: two changes within one tick of the file system's
clock look like one."""

_STREAMS = ("stdin", "stdout", "stderr", "__stdin__", "__stdout__", "__stderr__")
_ENCODING_VARIABLES = (b"PYTHONIOENCODING", b"LC_ALL", b"LC_CTYPE", b"LANG")

_lock = threading.Lock()
_excepthook = sys.excepthook
_umask = os.umask(0o022)
os.umask(_umask)
# Both stand on one mapping, which is exchanged like the array of the C library below it.
_environ, _environb = cast("Any", os.environ), cast("Any", os.environb)
_scripts: dict[str, tuple[tuple[int, ...], CodeType, str]] = {}


class _Streams(Protocol):
    """The engine's side of one request."""

    def body_length(self) -> int: ...
    def receive(self, size: int, /) -> bytes: ...
    def write(self, data: bytes, /) -> int: ...
    def ending(self) -> None: ...
    def flush(self) -> None: ...


class _ErrorLog(io.RawIOBase):
    """Standard error, of which each line becomes one of the log."""

    name = "<stderr>"

    def __init__(self, errors: Errors) -> None:
        self._errors = errors

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        text = bytes(data)
        self._errors.write(text.decode(errors="replace"))
        return len(text)


class _Body(io.RawIOBase):
    """A body that is read as it comes."""

    def __init__(self, streams: _Streams) -> None:
        self._streams = streams

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        data = self._streams.receive(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def _duplicates() -> list[tuple[int, int]]:
    """The standard descriptors that there are, and a duplicate of each."""
    found = []
    for number in (0, 1, 2):
        with contextlib.suppress(OSError):
            found.append((number, os.dup(number)))
    return found


_standard = _duplicates()


def _restore_standard_descriptors() -> None:
    """Open again what a script has closed as if the process was its own: the next connection would take its place."""
    for number, duplicate in _standard:
        try:
            os.fstat(number)
        except OSError:
            os.dup2(duplicate, number)


def run(path: bytes, environment: ScriptEnvironment, streams: _Streams, errors: Errors, debug: bool) -> None:
    """Run a script for one request; what it raises goes to the log and, while debugging, to whoever called."""
    script = os.fsdecode(path)
    directory = os.path.dirname(script)
    with _lock:
        code, place = _load(script)
        here = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        saved = sys.argv, sys.modules["__main__"], sys.path[:], sys.excepthook
        streams_of_worker = [getattr(sys, name) for name in _STREAMS]
        worker, depth = _environ._data, sys.getrecursionlimit()
        main = ModuleType("__main__")
        main.__dict__.update(__file__=script, __loader__=SourceFileLoader("__main__", script), __cached__=None)
        main.__dict__.update(__builtins__=builtins, __annotations__={})
        try:
            with environment as variables:
                os.chdir(directory)
                _environ._data = _environb._data = variables
                encoding, handling = _encoding(*(variables.get(name) for name in _ENCODING_VARIABLES))
                output = io.TextIOWrapper(cast("io.BufferedWriter", streams), encoding, handling)
                own = (
                    io.TextIOWrapper(cast("io.BufferedReader", _body(streams)), encoding, handling),
                    output,
                    io.TextIOWrapper(
                        cast("io.BufferedWriter", _ErrorLog(errors)), "utf-8", "backslashreplace", write_through=True
                    ),
                )
                for name, stream in zip(_STREAMS, own + own):
                    setattr(sys, name, stream)
                sys.argv = [script]
                sys.modules["__main__"] = main
                sys.path.insert(0, place)
                try:
                    try:
                        _execute(code, main.__dict__, debug)
                    finally:
                        end_threads(main.__dict__)
                finally:
                    # What is left in the stream does not begin the response any more.
                    streams.ending()
                if sys.stdout is not None:
                    sys.stdout.flush()
                # What it has put in its place need not lead here, nor be flushed by it. It may have taken it apart.
                with contextlib.suppress(ValueError):
                    output.flush()
        finally:
            sys.argv, sys.modules["__main__"], sys.path[:], sys.excepthook = saved
            for name, stream in zip(_STREAMS, streams_of_worker):
                setattr(sys, name, stream)
            os.umask(_umask)
            sys.setrecursionlimit(depth)
            _restore_standard_descriptors()
            errors.flush()
            os.environ, os.environb = _environ, _environb
            _environ._data = _environb._data = worker
            os.fchdir(here)
            os.close(here)


@lru_cache
def _encoding(*variables: bytes | None) -> tuple[str | None, str]:
    """Give the encoding (`None`: the worker's) and the error handler of standard input and output.

    As the interpreter of a process chooses them (PYTHONIOENCODING; PEP 538, PEP 540), by `_ENCODING_VARIABLES`.
    """
    wanted = (variables[0] or b"").decode(errors="replace")
    encoding, _, handling = wanted.partition(":")
    locale = next((variable for variable in variables[1:] if variable), b"C")
    lenient = not encoding and locale.decode(errors="replace").upper() in ("C", "POSIX", "C.UTF-8", "C.UTF8")
    try:
        codecs.lookup(encoding or "utf-8")
        codecs.lookup_error(handling or "strict")
    except LookupError:
        return None, "strict"
    return encoding or None, handling or ("surrogateescape" if lenient else "strict")


def _execute(code: CodeType, namespace: dict[str, Any], debug: bool) -> None:
    """Run code as the interpreter runs a script."""
    try:
        exec(code, namespace)
    except SystemExit as error:
        if error.code is not None and not isinstance(error.code, int):
            print(error.code, file=sys.stderr)
    except BaseException as error:
        error.__traceback__ = _own_frames(error.__traceback__)
        hook = sys.excepthook
        hook(type(error), error, error.__traceback__)
        # A script with a hook of its own has its own page.
        if debug and hook is _excepthook:
            raise


def _own_frames(traceback: TracebackType | None) -> TracebackType | None:
    """What of a traceback is the script's."""
    while traceback is not None and traceback.tb_frame.f_code.co_filename == __file__:
        traceback = traceback.tb_next
    return traceback


def _load(script: str) -> tuple[CodeType, str]:
    """The compiled code of a script as it is now, and where its modules are."""
    found = os.stat(script)
    identity = (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino)
    kept = _scripts.get(script)
    if kept is not None and kept[0] == identity:
        return kept[1], kept[2]
    with open(script, "rb") as file:
        source = file.read()
    check_encoding(source, script)
    code = compile(source, script, "exec", dont_inherit=True)
    if len(_scripts) >= MOST_SCRIPTS:
        _scripts.clear()
    place = os.path.dirname(os.path.realpath(script))
    if time.time() - found.st_ctime > SETTLED:
        _scripts[script] = (identity, code, place)
    return code, place


def _body(streams: _Streams) -> io.BufferedIOBase:
    """Standard input."""
    length = streams.body_length()
    if length > SMALL:
        return io.BufferedReader(_Body(streams))
    parts = []
    while length > 0 and (part := streams.receive(length)):
        parts.append(part)
        length -= len(part)
    return io.BytesIO(b"".join(parts))
