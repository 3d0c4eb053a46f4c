"""A user agent that goes through a list of steps at a server, and what its requests are made of."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from server import Client, Response, chunked, request_bytes


@dataclass(frozen=True)
class Step:
    """One request and what its answer must be. `target`, `fields`, `body` may be functions of the `Visitor`."""

    method: str
    target: str | Callable[[Visitor], str]
    status: int = 200
    contains: str = ""
    """Text that must be in the body (latin-1)."""
    fields: Sequence[tuple[str, str]] | Callable[[Visitor], Sequence[tuple[str, str]]] = ()
    body: bytes | Callable[[Visitor], bytes] | None = None
    chunks: int = 0
    """Send the body to Millau in the chunked coding, in pieces of this size; to wsgiref, which knows only
    Content-Length, as a whole."""
    expect_continue: bool = False
    """Send the body to Millau only after its 100 (Continue). wsgiref never sends one."""
    version: str = "1.1"
    engine_answers: bool = False
    """The application fails: the server's own words differ, the status does not."""
    breaks: bool = False
    """The application fails half-way: wsgiref just closes, Millau must end the response visibly incomplete."""
    closes: bool = False
    """The application gives more than its Content-Length promises: Millau cuts that off and closes."""
    not_validated: str = ""
    """Why the application itself does not stand `wsgiref.validate` here: the step is left out there."""
    body_varies: bool = False
    """Of the body only the length is compared."""
    volatile: Sequence[str] = ()
    """Fields of which only the presence is compared."""
    name: str = ""

    @property
    def label(self) -> str:
        target = self.target if isinstance(self.target, str) else "..."
        return self.name or f"{self.method} {target[:60]}" + (" chunked" if self.chunks else "")


@dataclass
class Visitor:
    """A user agent that goes through one flow at one server: its cookies, its connection, its last answer."""

    connect: Callable[[], Client]
    directory: Path
    keeps_alive: bool
    cookies: dict[str, str] = field(default_factory=dict)
    last: Response | None = None
    client: Client | None = None

    def find(self, pattern: str) -> str:
        """What the first group of a pattern matches in the last body."""
        match = re.search(pattern, self.last.body.decode("latin-1"), re.S)
        if not match:
            raise AssertionError(f"no {pattern!r} in the answer before: {self.last.body[:2000]!r}")
        return match[1]

    def visit(self, step: Step) -> Response:
        def value(x):
            return x(self) if callable(x) else x

        target, body = value(step.target), value(step.body)
        fields = [("Host", "test.example"), *value(step.fields)]
        if self.cookies:
            fields.append(("Cookie", "; ".join(f"{k}={v}" for k, v in self.cookies.items())))
        if step.expect_continue and self.keeps_alive:
            response = self._ask_first(step, target, fields, body)
        else:
            if step.chunks and self.keeps_alive:
                fields.append(("Transfer-Encoding", "chunked"))
                body = chunked(*(body[i : i + step.chunks] for i in range(0, len(body), step.chunks)))
            response = self._exchange(step.method, request_bytes(step.method, target, fields, body, step.version))
        if step.closes and self.client:
            self.client.assert_closed()
            self.close()
        self._take_cookies(response)
        self.last = response
        return response

    def close(self) -> None:
        if self.client:
            self.client.close()
        self.client = None

    def _exchange(self, method: str, request: bytes) -> Response:
        self.client = self.client or self.connect()
        try:
            self.client.send(request)
            head = self.client.head()
        except BaseException:
            self.close()
            raise
        return self._finish(head, method)

    def _ask_first(self, step: Step, target: str, fields: list[tuple[str, str]], body: bytes) -> Response:
        self.close()
        self.client = self.connect()
        fields += [("Content-Length", str(len(body))), ("Expect", "100-continue")]
        self.client.send(request_bytes(step.method, target, fields, None, step.version))
        interim = self.client.response()
        if interim.status != 100:
            raise AssertionError(f"the body was asked for with {interim.status} {interim.reason}, not with a 100")
        self.client.send(body)
        return self._finish(self.client.head(), step.method)

    def _finish(self, head: Response, method: str) -> Response:
        try:
            response = self.client.body(head, method)
            if self.client.buffer and self.keeps_alive:  # wsgiref sends a body even after HEAD
                raise AssertionError(f"after the end of the response came {self.client.buffer[:200]!r}")
        except BaseException:
            self.close()
            raise
        if not (self.keeps_alive and response.keeps_alive):
            self.close()
        return response

    def _take_cookies(self, response: Response) -> None:
        for cookie in response.all("Set-Cookie"):
            pair, _, attributes = cookie.partition(";")
            name, _, value = pair.partition("=")
            if re.search(r"max-age=0|expires=\w+, 01.jan.1970", attributes, re.I):
                self.cookies.pop(name.strip(), None)
            else:
                self.cookies[name.strip()] = value.strip()


# What requests are made of


FORM = ("Content-Type", "application/x-www-form-urlencoded")

BOUNDARY = "----millau-4f1c9c0d"
MULTIPART = ("Content-Type", f"multipart/form-data; boundary={BOUNDARY}")


def multipart(**parts: str | tuple[str, str, bytes]) -> bytes:
    """A multipart/form-data body (RFC 7578); a file is (file name, media type, content)."""
    body = b""
    for name, part in parts.items():
        disposition = f'form-data; name="{name}"'
        media_type, content = "", part
        if isinstance(part, tuple):
            file_name, media_type, content = part
            disposition += f'; filename="{file_name}"'
            media_type = f"Content-Type: {media_type}\r\n"
        else:
            content = part.encode()
        body += f"--{BOUNDARY}\r\nContent-Disposition: {disposition}\r\n{media_type}\r\n".encode() + content + b"\r\n"
    return body + f"--{BOUNDARY}--\r\n".encode()


def bytes_of(size: int) -> bytes:
    """Bytes in which a piece that is lost, doubled or out of place shows."""
    return b"".join(b"%015d\n" % i for i in range(size // 16 + 1))[:size]
