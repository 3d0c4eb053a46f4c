"""Modules by path, loaded again when their file, or one that they import, has changed.

They do not stand in ``sys.modules`` under their own names: two directories may each have an ``index.py``, and a page may be
called like a module of the library. What a module imports from its own directory comes the same way.
"""

from __future__ import annotations

import builtins
import hashlib
import importlib
import importlib.util
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

Stamp = tuple[int, int, int, int]


def stamp(path: str) -> Stamp | None:
    """Say which state of a file this is; none if it is gone."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino


@dataclass
class _Record:
    module: ModuleType
    stamp: Stamp | None
    children: set[str] = field(default_factory=set)
    loading: bool = True


class Importer:
    """The modules of one target. ``roots`` are searched after the importing module's own directory."""

    def __init__(self, roots: Iterable[str] = ()) -> None:
        self.roots = [os.path.realpath(root) for root in roots]
        self._records: dict[str, _Record] = {}
        self._loading: list[_Record] = []
        self._lock = threading.RLock()

    def load(self, path: str, log: Callable[[str], None] | None = None) -> ModuleType:
        """Give the module of a file in its present state.

        Raises what the module raises while it is executed, and ``FileNotFoundError``.
        """
        if path not in self._records:
            path = os.path.realpath(path)
        with self._lock:
            if self._loading:
                self._loading[-1].children.add(path)
            record = self._records.get(path)
            if record and (record.loading or self._is_fresh(path, set())):
                return record.module
            if log:
                log(f"mod_python: {'re' if record else ''}importing {path}")
            return self._execute(path)

    def find(self, name: str, directories: Iterable[str]) -> str | None:
        """Give the path of a plain module in these directories or the roots; none for packages and what is not there."""
        if not name.isidentifier():
            return None
        for directory in [*directories, *self.roots]:
            path = os.path.join(directory, name + ".py")
            if os.path.isfile(path):
                return path
        return None

    def files(self) -> list[str]:
        """Give the paths of everything that is loaded."""
        with self._lock:
            return list(self._records)

    def _is_fresh(self, path: str, seen: set[str]) -> bool:
        if path in seen:
            return True
        seen.add(path)
        record = self._records.get(path)
        if record is None or record.stamp != stamp(path):
            return False
        return all(self._is_fresh(child, seen) for child in record.children)

    def _execute(self, path: str) -> ModuleType:
        before = stamp(path)
        with open(path, "rb") as file:
            source = importlib.util.decode_source(file.read())
        code = compile(source, path, "exec", dont_inherit=True)
        # A name of its own in sys.modules is what dataclasses, pickle and typing look a class's module up by.
        name = "_mp_" + hashlib.sha256(os.fsencode(path)).hexdigest()[:32]
        module = ModuleType(name)
        module.__file__ = path
        module.__dict__["__builtins__"] = {**builtins.__dict__, "__import__": self._import}
        record = _Record(module, before)
        previous = self._records.get(path), sys.modules.get(name)
        self._records[path] = record
        sys.modules[name] = module
        self._loading.append(record)
        try:
            with using(self):
                exec(code, module.__dict__)
        except BaseException:
            # The next request tries again, and finds the old module's class names until it succeeds.
            self._records.pop(path, None)
            if previous[1] is not None:
                sys.modules[name] = previous[1]
            else:
                sys.modules.pop(name, None)
            raise
        finally:
            self._loading.pop()
            record.loading = False
        return module

    def _import(
        self,
        name: str,
        globals: dict[str, Any] | None = None,
        locals: dict[str, Any] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        """Stand in for ``__import__`` in the modules that are loaded here."""
        if level == 0 and "." not in name:
            own = (globals or {}).get("__file__")
            path = self.find(name, [os.path.dirname(own)] if own else [])
            if path:
                return self.load(path)
        return builtins.__import__(name, globals, locals, fromlist or (), level)


_current = threading.local()


@contextmanager
def using(importer: Importer) -> Iterator[None]:
    """Make this the importer of what runs on this thread meanwhile."""
    before = getattr(_current, "importer", None)
    _current.importer = importer
    try:
        yield
    finally:
        _current.importer = before


def import_module(
    name: str, directory: str | None, path: Sequence[str] | None, log: Callable[[str], None] | None
) -> Any:
    """Import for ``apache.import_module``: by path where the file is in reach, else as any module."""
    importer: Importer = getattr(_current, "importer", None) or _default
    if os.path.isabs(name) or name.startswith(("./", "../")):
        found: str | None = os.path.join(directory or os.getcwd(), name)
        if found and not found.endswith(".py"):
            found += ".py"
    elif path is not None:
        found = next(
            (file for file in (os.path.join(place, f"{name}.py") for place in path) if os.path.isfile(file)), None
        )
    else:
        found = importer.find(name, [directory] if directory else [])
    if found:
        return importer.load(found, log)
    return importlib.import_module(name)


_default = Importer()
