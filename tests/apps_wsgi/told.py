"""A WSGI application that answers as its query string tells it to.

The query is percent-encoded JSON: {"status", "headers": [[name, value]…], "chunks": [text…], "as": form}.
So a test can write down the response that an application gives, beside the one that the client must see.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import quote, unquote


def tell(status: str = "200 OK", headers: object = (), chunks: object = ("body",), form: str = "list") -> str:
    """The target that makes this application answer so."""
    if isinstance(headers, (tuple, list)):
        headers = [list(h) for h in headers]
    told = {"status": status, "headers": headers, "chunks": chunks, "as": form}
    return "/told?" + quote(json.dumps(told), safe="")


class Sized:
    """An iterable that knows its length but is no list."""

    def __init__(self, chunks: list[bytes]) -> None:
        self.chunks = chunks

    def __len__(self) -> int:
        return len(self.chunks)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.chunks)


class Indexed:
    """Iterable by the old sequence protocol only."""

    def __init__(self, chunks: list[bytes]) -> None:
        self.chunks = chunks

    def __getitem__(self, index: int) -> bytes:
        return self.chunks[index]


def generator(chunks: list[bytes]) -> Iterator[bytes]:
    yield from chunks


FORMS = {"list": list, "tuple": tuple, "generator": generator, "iterator": iter, "sized": Sized, "indexed": Indexed}


def application(environ, start_response):
    told = json.loads(unquote(environ["QUERY_STRING"]))
    headers = told["headers"]
    if isinstance(headers, list):
        headers = [tuple(h) if isinstance(h, list) else h for h in headers]
    write = start_response(told["status"], headers)
    chunks = [c.encode("latin-1") for c in told["chunks"]]
    if told["as"] == "write":
        for chunk in chunks:
            write(chunk)
        return []
    return FORMS[told["as"]](chunks)
