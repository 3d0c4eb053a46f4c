"""The way back to the client, over WSGI: a head once, then pieces, then perhaps the rest of a file."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any

Head = list[tuple[str, str]]

BLOCK = 64 * 1024
"""How much of a file is read at once where the server does not send it by itself."""


class File:
    """A part of a file that is still to be sent; also what is handed to ``wsgi.file_wrapper``."""

    def __init__(self, path: str, offset: int, length: int) -> None:
        self.file: io.BufferedReader = open(path, "rb")
        size = os.fstat(self.file.fileno()).st_size
        available = max(0, size - offset)
        self.length = available if length < 0 else min(length, available)
        self.is_rest = offset + self.length == size
        self.file.seek(offset)
        self.read = self.file.read
        self.done: Callable[[], None] = lambda: None

    def blocks(self) -> Iterator[bytes]:
        """Give the part in pieces and close the file."""
        left = self.length
        with self.file:
            while left:
                block = self.file.read(min(left, BLOCK))
                if not block:
                    raise OSError("the file became shorter while it was sent")
                left -= len(block)
                yield block

    def close(self) -> None:
        """Close the file; the response is complete."""
        self.file.close()
        self.done()


class Body:
    """The rest of a response, as WSGI wants it."""

    def __init__(self, pieces: list[bytes], done: Callable[[], None]) -> None:
        self._pieces = pieces
        self._done = done

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._pieces)

    def __len__(self) -> int:
        return len(self._pieces)

    def close(self) -> None:
        """Run what was registered for the end of the request."""
        self._done()


class Output:
    """One response; requests that redirect internally share it."""

    def __init__(self, environ: dict[str, Any], start_response: Callable[..., Callable[[bytes], object]]) -> None:
        self._environ = environ
        self._start_response = start_response
        self._write: Callable[[bytes], object] | None = None
        self.file: File | None = None
        self.sent = 0

    @property
    def started(self) -> bool:
        """Say whether the head is on its way, so that it cannot be changed."""
        return self._write is not None

    def start(self, status: str, head: Head) -> None:
        """Send the head."""
        self._write = self._start_response(status, head)

    def write(self, data: bytes) -> None:
        """Send a piece now."""
        assert self._write is not None
        if data:
            self._write(data)
            self.sent += len(data)

    def send_file(self) -> None:
        """Send the file that waits, piece by piece."""
        file, self.file = self.file, None
        if file:
            for block in file.blocks():
                self.write(block)

    def finish(self, rest: bytes, length_is_known: bool, done: Callable[[], None]) -> Iterable[bytes]:
        """Give the rest of the response as an iterable; ``done`` is called when it is closed."""
        wrap = self._environ.get("wsgi.file_wrapper")
        file = self.file
        if not file:
            self.sent += len(rest)
            return Body([rest] if rest else [], done)
        self.write(rest)
        # The server sends a file up to its end, or up to the length that the head has promised.
        if wrap and (file.is_rest or length_is_known):
            file.done = done
            self.sent += file.length
            wrapped: Iterable[bytes] = wrap(file, BLOCK)
            return wrapped
        self.send_file()
        return Body([], done)
