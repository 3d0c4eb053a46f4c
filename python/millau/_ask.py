"""One GET for `millau doctor URL`, with the target as it is given: nothing of it is normalised or encoded on the way."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Sequence

__all__ = ["ask"]

MOST = 1 << 20
"""Bytes of a body that are read."""


def ask(
    secure: bool, host: str, port: int, target: str, fields: Sequence[tuple[str, str]], timeout: float
) -> tuple[int, list[tuple[str, str]], bytes, tuple[str, int]]:
    """Give the status, the fields, the body and the address and port that the request was sent from.

    Raises ``OSError`` with a message for people.
    """
    name = host.removeprefix("[").removesuffix("]")
    connection: http.client.HTTPConnection
    if secure:
        connection = http.client.HTTPSConnection(name, port, timeout=timeout, context=ssl.create_default_context())
    else:
        connection = http.client.HTTPConnection(name, port, timeout=timeout)
    try:
        connection.connect()
        address, number = connection.sock.getsockname()[:2]
        connection.putrequest("GET", target, skip_host=True, skip_accept_encoding=True)
        for field, value in fields:
            connection.putheader(field, value)
        connection.endheaders()
        response = connection.getresponse()
        return response.status, response.getheaders(), response.read(MOST), (str(address), int(number))
    except (http.client.HTTPException, ValueError) as error:
        raise OSError(f"the answer is not HTTP: {error!r}") from error
    finally:
        connection.close()
