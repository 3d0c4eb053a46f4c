"""One HTTP/1.1 connection, read as strictly as RFC 9112 lets a recipient be, and the bytes to send on it."""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass, field


class BrokenResponse(Exception):
    """The connection ended before the response was complete. `partial` holds what came."""

    def __init__(self, why: str, partial: Response | None = None) -> None:
        super().__init__(why)
        self.partial = partial


class MalformedResponse(Exception):
    """The bytes are not a response that RFC 9112 allows."""


@dataclass
class Response:
    """One response. `framing` is how its end was known: none, length, chunked or close."""

    version: str
    status: int
    reason: str
    fields: list[tuple[str, str]]
    framing: str = "none"
    chunks: list[bytes] = field(default_factory=list)
    """The body as it came: chunk by chunk where it was chunked, else in one piece."""
    trailers: list[tuple[str, str]] = field(default_factory=list)

    def all(self, name: str) -> list[str]:
        """Every value of a field, in order."""
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def __getitem__(self, name: str) -> str:
        """The value of a field that must be there exactly once."""
        values = self.all(name)
        if len(values) != 1:
            raise KeyError(f"{name} occurs {len(values)} times in {self.fields}")
        return values[0]

    def __contains__(self, name: str) -> bool:
        return bool(self.all(name))

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def keeps_alive(self) -> bool:
        """Whether the sender promises to answer one more request on this connection (RFC 9112 §9.3)."""
        options = {o.strip().lower() for v in self.all("Connection") for o in v.split(",")}
        if "close" in options or self.framing == "close":
            return False
        return self.version == "1.1" or "keep-alive" in options


STATUS_LINE = re.compile(rb"HTTP/(1\.[01]) ([1-9][0-9]{2}) ([\t \x21-\x7e\x80-\xff]*)\Z")
FIELD_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t \x21-\x7e\x80-\xff]*?)[ \t]*\Z")


class Client:
    """One connection to the server. Reads exactly one response at a time, so pipelined ones can be told apart."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.buffer = bytearray()
        self.ended = False
        self.received = 0
        """Bytes that came since the last request was sent."""

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.sock.close()

    def reset(self) -> None:
        """Leave abruptly: the server sees a connection reset, not an orderly end."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        self.sock.close()

    def send(self, *parts: bytes) -> None:
        self.received = 0
        for part in parts:
            self.sock.sendall(part)

    def dribble(self, data: bytes) -> None:
        """Send byte by byte, each as a packet of its own."""
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for i in range(len(data)):
            self.sock.sendall(data[i : i + 1])

    def half_close(self) -> None:
        self.sock.shutdown(socket.SHUT_WR)

    def request(
        self,
        method: str = "GET",
        target: str = "/",
        fields: Iterable[tuple[str, str]] = (),
        body: bytes | None = None,
    ) -> Response:
        """Send one request and read its response."""
        self.send(request_bytes(method, target, fields, body))
        return self.response(method)

    # Reading

    def _fill(self) -> bool:
        """Read once more from the socket; False at its end."""
        if self.ended:
            return False
        data = self.sock.recv(65536)
        self.ended = not data
        self.received += len(data)
        self.buffer += data
        return bool(data)

    def _take(self, size: int) -> bytes:
        data = bytes(self.buffer[:size])
        del self.buffer[:size]
        return data

    def _line(self, partial: Response | None = None) -> bytes:
        while b"\n" not in self.buffer:
            if not self._fill():
                raise BrokenResponse(f"the connection ended in a line: {bytes(self.buffer[-200:])!r}", partial)
        line = self._take(self.buffer.index(b"\n") + 1)[:-1]
        if not line.endswith(b"\r") or b"\r" in line[:-1] or b"\0" in line:
            raise MalformedResponse(f"a line must end in CRLF and hold no other CR nor NUL: {line!r}")
        return line[:-1]

    def _fields(self, partial: Response | None = None) -> list[tuple[str, str]]:
        fields = []
        while line := self._line(partial):
            match = FIELD_LINE.match(line)
            if not match:
                raise MalformedResponse(f"not a field line: {line!r}")
            fields.append((match[1].decode("ascii"), match[2].decode("latin-1")))
        return fields

    def head(self) -> Response:
        """Status line and fields only; the body stays unread (`response` and `body` read it)."""
        line = self._line()
        match = STATUS_LINE.match(line)
        if not match:
            raise MalformedResponse(f"not a status line: {line!r}")
        response = Response(match[1].decode(), int(match[2]), match[3].decode("latin-1"), [])
        response.fields = self._fields(response)
        return response

    def chunk(self, response: Response) -> bytes:
        """One chunk of a chunked body; b"" after the last one, its trailers read."""
        line = self._line(response)
        if not re.fullmatch(rb"[0-9A-Fa-f]+", line):
            raise MalformedResponse(f"not a chunk size: {line!r}")
        size = int(line, 16)
        if size == 0:
            response.trailers = self._fields(response)
            return b""
        data = self.exactly(size + 2, response)
        if data[-2:] != b"\r\n":
            raise MalformedResponse(f"chunk data does not end in CRLF: {data[-20:]!r}")
        response.chunks.append(data[:-2])
        return data[:-2]

    def exactly(self, size: int, partial: Response | None = None) -> bytes:
        while len(self.buffer) < size:
            if not self._fill():
                missing = size - len(self.buffer)
                if partial is not None:
                    partial.chunks.append(self._take(size))
                raise BrokenResponse(f"the connection ended {missing} bytes early", partial)
        return self._take(size)

    def body(self, response: Response, method: str = "GET") -> Response:
        """Read the body that belongs to a head (RFC 9112 §6.3) and return the whole response."""
        lengths = response.all("Content-Length")
        codings = [c.strip().lower() for v in response.all("Transfer-Encoding") for c in v.split(",")]
        if lengths and codings:
            raise MalformedResponse("Content-Length and Transfer-Encoding in one response")
        if len(lengths) > 1 or not all(re.fullmatch("[0-9]+", v) for v in lengths):
            raise MalformedResponse(f"Content-Length: {lengths}")
        if response.status < 200 or response.status == 204:
            if lengths or codings:
                raise MalformedResponse(f"a {response.status} must have neither length nor coding")
            return response
        if method == "HEAD" or response.status == 304:
            return response
        if codings:
            if codings != ["chunked"] or response.version != "1.1":
                raise MalformedResponse(f"Transfer-Encoding {codings} in HTTP/{response.version}")
            response.framing = "chunked"
            while self.chunk(response):
                pass
        elif lengths:
            response.framing = "length"
            response.chunks.append(self.exactly(int(lengths[0]), response))
        else:
            response.framing = "close"
            while self._fill():
                pass
            response.chunks.append(self._take(len(self.buffer)))
        return response

    def response(self, method: str = "GET") -> Response:
        """The next response, complete. `method` is that of its request: HEAD has no body. 1xx are responses, too."""
        return self.body(self.head(), method)

    def rest(self) -> bytes:
        """Everything until the server closes. A reset counts as the end."""
        with contextlib.suppress(ConnectionResetError):
            while self._fill():
                pass
        return self._take(len(self.buffer))

    def assert_closed(self) -> None:
        """The server closes, and says nothing more before it does."""
        rest = self.rest()
        assert rest == b"", f"expected the end of the connection, got {rest[:200]!r}"


def request_bytes(
    method: str = "GET",
    target: str = "/",
    fields: Iterable[tuple[str, str]] = (),
    body: bytes | None = None,
    version: str = "1.1",
) -> bytes:
    """A request; Host and Content-Length are added where the caller gave none."""
    fields = list(fields)
    names = {name.lower() for name, _ in fields}
    if "host" not in names:
        fields.insert(0, ("Host", "test.example"))
    if body is not None and not names & {"content-length", "transfer-encoding"}:
        fields.append(("Content-Length", str(len(body))))
    lines = [f"{method} {target} HTTP/{version}", *(f"{name}: {value}" for name, value in fields)]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b"")


def chunked(*chunks: bytes, trailers: bytes = b"") -> bytes:
    """Chunks in the chunked coding, with the last one."""
    return b"".join(b"%x\r\n%s\r\n" % (len(c), c) for c in chunks) + b"0\r\n" + trailers + b"\r\n"
