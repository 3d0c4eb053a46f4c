"""multipart/form-data (RFC 7578, RFC 2046 §5.1) as it is read: headers into memory, contents to whoever wants them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Protocol

BLOCK = 64 * 1024
"""How much of the body is read at once."""
HEADERS = 16 * 1024
"""A part's headers may have so many bytes; a browser needs some hundred."""
BOUNDARY = 256
"""A boundary may have so many bytes; RFC 2046 has 70."""


class Malformed(Exception):
    """The body is not what its Content-Type says: the client's fault."""


class Sink(Protocol):
    """What takes the contents of a part."""

    def write(self, data: bytes, /) -> object:
        """Take a piece."""


Read = Callable[[int], bytes]
Headers = list[tuple[str, str]]
Opened = Callable[[Headers], Sink]


class _Buffer:
    """The part of the body that was read and is not yet used."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self.data = bytearray()

    def more(self) -> bool:
        block = self._read(BLOCK)
        self.data += block
        return bool(block)

    def need_more(self, place: str) -> None:
        if not self.more():
            raise Malformed(f"the body ends within {place}")

    def take(self, length: int) -> bytes:
        taken = bytes(self.data[:length])
        del self.data[:length]
        return taken


def parse(read: Read, boundary: bytes, opened: Opened) -> None:
    """Read a body to its last boundary. ``opened`` gets the headers of each part and gives the sink for its contents."""
    if not 0 < len(boundary) <= BOUNDARY:
        raise Malformed("the boundary is empty or too long")
    buffer = _Buffer(read)
    delimiter = b"\r\n--" + boundary
    # What comes before the first boundary is nobody's. It may begin the body without a line break before it.
    buffer.data += b"\r\n"
    _contents(buffer, delimiter, _Nobody(), "the text before the first boundary")
    while _goes_on(buffer):
        sink = opened(_headers(buffer))
        _contents(buffer, delimiter, sink, "a part")


class _Nobody:
    def write(self, data: bytes) -> None:
        pass


def _contents(buffer: _Buffer, delimiter: bytes, sink: Sink, place: str) -> None:
    while True:
        end = buffer.data.find(delimiter)
        if end >= 0:
            sink.write(buffer.take(end))
            buffer.take(len(delimiter))
            return
        # What may be the beginning of a delimiter stays.
        sure = len(buffer.data) - len(delimiter) + 1
        if sure > 0:
            sink.write(buffer.take(sure))
        buffer.need_more(place)


def _goes_on(buffer: _Buffer) -> bool:
    """Take what follows a delimiter on its line; false after the last one."""
    while len(buffer.data) < 2:
        buffer.need_more("a boundary")
    if buffer.data.startswith(b"--"):
        return False
    while (end := buffer.data.find(b"\r\n")) < 0:
        if len(buffer.data) > BOUNDARY:
            raise Malformed("a boundary is followed by other text")
        buffer.need_more("a boundary")
    if buffer.take(end + 2).strip():
        raise Malformed("a boundary is followed by other text")
    return True


def _headers(buffer: _Buffer) -> Headers:
    headers: Headers = []
    size = 0
    while True:
        while (end := buffer.data.find(b"\r\n")) < 0:
            if len(buffer.data) > HEADERS:
                raise Malformed("the headers of a part are too long")
            buffer.need_more("the headers of a part")
        line = buffer.take(end + 2)[:-2]
        size += len(line)
        if size > HEADERS:
            raise Malformed("the headers of a part are too long")
        if not line:
            return headers
        name, colon, value = line.decode("utf-8", "surrogateescape").partition(":")
        if not colon or not name.strip():
            raise Malformed("a header of a part has no colon")
        headers.append((name.strip(), value.strip()))


_PARAMETER = re.compile(r';\s*([^\s=;]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;]*)')


def parameters(value: str) -> tuple[str, dict[str, str]]:
    r"""Take a value such as ``form-data; name="a"`` apart.

    Browsers escape a quote in a name as ``%22``; older ones send a backslash of a Windows path as it is, so that only
    ``\"`` and ``\\`` are escapes.
    """
    main, semicolon, rest = value.partition(";")
    found: dict[str, str] = {}
    for name, text in _PARAMETER.findall(semicolon + rest):
        text = text.strip()
        if text[:1] == '"':
            text = re.sub(r"\\([\"\\])", r"\1", text[1:-1] if len(text) > 1 else "")
        found.setdefault(name.lower(), text)
    return main.strip().lower(), found
