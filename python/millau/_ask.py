"""One GET for `millau doctor URL`, with the target as it is given: nothing of it is normalised or encoded on the way."""

from __future__ import annotations

import contextlib
import http.client
import ssl
from collections.abc import Iterator, Sequence

__all__ = ["ask"]

MOST = 1 << 20
"""Bytes of a body that are read."""


class Unanswered(Exception):
    """No answer: the protocol that failed (TCP, TLS or HTTP) and the reason, for people."""


@contextlib.contextmanager
def speaking(protocol: str) -> Iterator[None]:
    """Whatever fails inside of it is that protocol's failure."""
    try:
        yield
    except OSError as error:
        raise Unanswered(protocol, str(error)) from error
    except (http.client.HTTPException, ValueError) as error:
        raise Unanswered(protocol, f"{type(error).__name__}: {error}") from error


def ask(
    secure: bool, host: str, port: int, target: str, fields: Sequence[tuple[str, str]], timeout: float
) -> tuple[int, list[tuple[str, str]], bytes, tuple[str, int]]:
    """Give the status, the fields, the body and the address and port that the request was sent from.

    Raises `Unanswered`.
    """
    name = host.removeprefix("[").removesuffix("]")
    connection = http.client.HTTPConnection(name, port, timeout=timeout)
    try:
        with speaking("TCP"):
            connection.connect()
            address, number = connection.sock.getsockname()[:2]
        if secure:
            with speaking("TLS"):
                context = ssl.create_default_context()
                connection.sock = context.wrap_socket(connection.sock, server_hostname=name)
        with speaking("HTTP"):
            connection.putrequest("GET", target, skip_host=True, skip_accept_encoding=True)
            for field, value in fields:
                connection.putheader(field, value)
            connection.endheaders()
            response = connection.getresponse()
            return response.status, response.getheaders(), response.read(MOST), (str(address), int(number))
    finally:
        connection.close()
