"""Where sessions are kept: one file each, in a directory that is the server's alone, with a lock across processes.

Sessions are pickled, because applications keep objects in them. Reading a pickle runs whatever its writer wants, so nobody
else may be able to write one: a directory that belongs to another user, or that others may write to, is refused.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pickle
import re
import stat
import tempfile
import time
from collections.abc import Iterator
from typing import Any

SESSION_ID = re.compile(r"[0-9a-f]{32}")
PATIENCE = 60.0
"""Seconds that a request waits for another one with the same session."""


class Unsafe(OSError):
    """The directory for sessions is not the server's alone."""


def default_directory() -> str:
    """Give a directory of this user's own below the one for temporary files."""
    return os.path.join(tempfile.gettempdir(), f"millau-sessions-{os.geteuid()}")


class Lock:
    """A session that this request has to itself."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def release(self) -> None:
        """Let the next request have it."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class Store:
    """The sessions of one directory."""

    def __init__(self, directory: str | None = None) -> None:
        self.directory = directory or default_directory()
        os.makedirs(self.directory, mode=0o700, exist_ok=True)
        found = os.lstat(self.directory)
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
            raise Unsafe(
                f"operator error: sessions cannot be kept in {self.directory}: it must be a directory that belongs to the "
                f"server's user and that nobody else may write to (chown it, chmod 700)"
            )

    def lock(self, sid: str) -> Lock:
        """Wait until no other request has the session. Raises TimeoutError."""
        path = self._path(sid) + ".lock"
        deadline = time.monotonic() + PATIENCE
        pause = 0.001
        while True:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
            else:
                # Cleaning up may have removed the file between the opening and the lock: then it locks nothing.
                with contextlib.suppress(FileNotFoundError):
                    if os.stat(path).st_ino == os.fstat(descriptor).st_ino:
                        return Lock(descriptor)
                os.close(descriptor)
                continue
            if time.monotonic() > deadline:
                raise TimeoutError(f"another request has kept the session for more than {PATIENCE:.0f} seconds")
            time.sleep(pause)
            pause = min(2 * pause, 0.05)

    def load(self, sid: str) -> dict[str, Any] | None:
        """Give what was saved; none if there is nothing, or it cannot be read any more."""
        try:
            with open(self._path(sid), "rb") as file:
                record = pickle.load(file)
        except FileNotFoundError:
            return None
        return record if isinstance(record, dict) else None

    def save(self, sid: str, record: dict[str, Any]) -> None:
        """Write a session; a reader sees the old one or the new one, whole."""
        data = pickle.dumps(record, 4)
        descriptor, temporary = tempfile.mkstemp(prefix=".new-", dir=self.directory)
        try:
            with open(descriptor, "wb") as file:
                file.write(data)
            os.replace(temporary, self._path(sid))
        except BaseException:
            os.unlink(temporary)
            raise

    def delete(self, sid: str) -> None:
        """Remove a session. Its lock stays until cleaning up, since somebody may hold it."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path(sid))

    def clean(self, limit: float) -> int:
        """Remove what has expired, for at most so many seconds; give how many."""
        deadline = time.monotonic() + limit
        removed = 0
        for sid in self._ids():
            if time.monotonic() > deadline:
                break
            removed += self._clean_one(sid)
        return removed

    def _clean_one(self, sid: str) -> int:
        path = self._path(sid)
        with contextlib.suppress(OSError):
            descriptor = os.open(path + ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                try:
                    record = self.load(sid)
                except Exception:
                    record = None  # of a class that is no more: nobody can use it
                if record is not None and not expired(record):
                    return 0
                self.delete(sid)
                os.unlink(path + ".lock")
                return 1
            finally:
                os.close(descriptor)
        return 0

    def _ids(self) -> Iterator[str]:
        with os.scandir(self.directory) as entries:
            yield from {entry.name.removesuffix(".lock") for entry in entries if SESSION_ID.match(entry.name)}

    def _path(self, sid: str) -> str:
        if not SESSION_ID.fullmatch(sid):
            raise ValueError("not a session id")
        return os.path.join(self.directory, sid)


def expired(record: dict[str, Any]) -> bool:
    """Say whether a session was not used for longer than its timeout."""
    try:
        return bool(time.time() - record["_accessed"] > record["_timeout"])
    except (KeyError, TypeError):
        return True
