"""Requests in the words of a front server: the bytes of FastCGI, SCGI, uwsgi and AJP/1.3 on a connection that is not kept."""

from __future__ import annotations

import struct

from client import request_bytes

PROTOCOLS = ["fastcgi", "scgi", "uwsgi", "ajp"]


def front_request(protocol: str, method: str, path: str, body: bytes = b"", length: int | None = None) -> bytes:
    """`length`: what is promised, where that is not the body's."""
    length = len(body) if length is None else length
    if protocol == "http":
        return request_bytes(method, path, [("Content-Length", str(length)), ("Connection", "close")], body)
    if protocol == "ajp":
        return ajp(method, path, body, length)
    path, _, query = path.partition("?")
    variables = {
        "CONTENT_LENGTH": str(length),
        "REQUEST_METHOD": method,
        "REQUEST_URI": f"{path}?{query}" if query else path,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_NAME": "test.example",
        "SERVER_PORT": "80",
        "REMOTE_ADDR": "192.0.2.7",
    }
    pairs = [(name.encode(), value.encode()) for name, value in variables.items()]
    return {"fastcgi": fastcgi, "scgi": scgi, "uwsgi": uwsgi}[protocol](pairs, body)


def fastcgi(pairs: list[tuple[bytes, bytes]], body: bytes) -> bytes:
    def record(kind: int, content: bytes) -> bytes:
        return struct.pack(">BBHHBB", 1, kind, 1, len(content), 0, 0) + content

    params = b"".join(bytes([len(name), len(value)]) + name + value for name, value in pairs)
    stdin = record(5, body) + record(5, b"") if body else record(5, b"")
    return record(1, struct.pack(">HB5x", 1, 0)) + record(4, params) + record(4, b"") + stdin


def scgi(pairs: list[tuple[bytes, bytes]], body: bytes) -> bytes:
    first, *others = pairs
    block = b"".join(name + b"\0" + value + b"\0" for name, value in [first, (b"SCGI", b"1"), *others])
    return b"%d:%s,%s" % (len(block), block, body)


def uwsgi(pairs: list[tuple[bytes, bytes]], body: bytes) -> bytes:
    block = b"".join(struct.pack("<H", len(part)) + part for pair in pairs for part in pair)
    return struct.pack("<BHB", 0, len(block), 0) + block + body


def ajp(method: str, path: str, body: bytes, length: int) -> bytes:
    """With no more than one packet of body."""

    def string(text: str) -> bytes:
        return struct.pack(">H", len(text)) + text.encode() + b"\0"

    def packet(data: bytes) -> bytes:
        return b"\x12\x34" + struct.pack(">H", len(data)) + data

    path, _, query = path.partition("?")
    head = bytes([2, {"GET": 2, "HEAD": 3, "POST": 4}[method]]) + string("HTTP/1.1") + string(path)
    head += string("192.0.2.7") + b"\xff\xff" + string("test.example") + struct.pack(">HBH", 80, 0, 1)
    head += b"\xa0\x08" + string(str(length)) + (b"\x05" + string(query) if query else b"") + b"\xff"
    return packet(head) + (packet(struct.pack(">H", len(body)) + body) if body else b"")


def answered(protocol: str, status: int) -> bytes:
    """What a response with this status has in its bytes."""
    return {
        "http": b"HTTP/1.1 %d " % status,
        "fastcgi": b"Status: %d " % status,
        "scgi": b"Status: %d " % status,
        "uwsgi": b"HTTP/1.1 %d " % status,
        "ajp": b"\x04" + struct.pack(">H", status),
    }[protocol]
