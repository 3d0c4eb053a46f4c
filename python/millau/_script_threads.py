"""The threads of a resident script end with it, as those of a process do.

A thread is the script's own when the code that it runs stands in the script itself. Those that a module keeps (a pool, a
connection that is watched) belong to the module, which stays loaded.
"""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, Any

from millau._engine import end_thread

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["end_threads"]


def end_threads(namespace: dict[str, Any]) -> None:
    """Wait for the threads of the script with these globals, as the interpreter does at its end; stop its daemons."""
    # One thread may start the next.
    while waited_for := [thread for thread in _threads_of(namespace) if not thread.daemon]:
        for thread in waited_for:
            thread.join()
    for thread in _threads_of(namespace):
        if thread.ident is not None:
            end_thread(thread.ident)


def _threads_of(namespace: dict[str, Any]) -> Iterator[threading.Thread]:
    if threading.active_count() == 1:
        return
    for thread in threading.enumerate():
        # What a plain thread calls, what a timer calls, and the method of a class that the script has derived.
        for called in (getattr(thread, "_target", None), getattr(thread, "function", None), type(thread).run):
            if _globals_of(called) is namespace:
                yield thread
                break


def _globals_of(called: Any) -> object:
    while isinstance(called, partial):
        called = called.func
    return getattr(getattr(called, "__func__", called), "__globals__", None)
