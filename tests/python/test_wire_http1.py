"""Every file of tests/wire/http1, sent to a running server (what the files are is said in the README beside them).

A valid file: the application sees exactly the requests in it, and the connection stays or closes as it must. An invalid
file: its status, then the end of the connection, and not a byte more; what is smuggled in it is never called.
"""

from __future__ import annotations

import base64
import contextlib
import json
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from server import Client, Response, Server

CORPUS = Path(__file__).resolve().parents[1] / "wire" / "http1"

calls: list[str] = []
calls_lock = threading.Lock()


def echo(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Answer with what arrived; `/calls` answers with the target of every call so far. One character is one byte."""
    with calls_lock:
        calls.append(environ["REQUEST_URI"])
    fields = {name: value for name, value in environ.items() if name.startswith("HTTP_") or name == "CONTENT_TYPE"}
    answer: Any = {
        "method": environ["REQUEST_METHOD"],
        "target": environ["REQUEST_URI"],
        "version": environ["SERVER_PROTOCOL"],
        "length": environ.get("CONTENT_LENGTH", ""),
        "fields": fields,
        "body": environ["wsgi.input"].read().decode("latin-1"),
    }
    if environ["PATH_INFO"] == "/calls":
        answer = calls
    data = json.dumps(answer).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(data)))]
    if environ["REQUEST_METHOD"] == "HEAD":
        headers.append(("X-Seen", base64.b64encode(data).decode()))
    start_response("200 OK", headers)
    return [data]


def files(folder: str) -> list[Any]:
    """The names of one folder's files, and their expectations."""
    paths = sorted((CORPUS / folder).glob("*.json"))
    return [pytest.param(path, json.loads(path.read_text("utf-8")), id=path.stem) for path in paths]


def variables(request: dict[str, Any]) -> dict[str, str]:
    """What the application must see of the fields (RFC 3875 §4.1.18), CONTENT_LENGTH aside.

    The host of a target in absolute form replaces the Host field (RFC 9112 §3.2.2).
    """
    seen: dict[str, str] = {}
    for name, value in request["fields"]:
        name = name.upper()
        if "_" in name or name in ("PROXY", "TRANSFER-ENCODING", "CONTENT-LENGTH"):
            continue
        variable = "CONTENT_TYPE" if name == "CONTENT-TYPE" else "HTTP_" + name.replace("-", "_")
        separator = "; " if name == "COOKIE" else ", "
        seen[variable] = seen[variable] + separator + value if variable in seen else value
    authority = re.match("[^:/?]+://([^/?]+)", request["target"])
    if authority:
        seen["HTTP_HOST"] = authority[1]
    return seen


def final_response(client: Client, method: str) -> Response:
    """The next response that is not 100 Continue."""
    while (response := client.response(method)).status == 100:
        pass
    return response


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server("test_wire_http1:echo", cwd=Path(__file__).parent) as server:
        yield server
        called = json.loads(server.get("/calls").text)
        assert "/calls" in called
        assert [target for target in called if "smuggled" in target] == []


@pytest.mark.parametrize("path, expected", files("valid"))
def test_valid(server: Server, path: Path, expected: dict[str, Any]) -> None:
    with server.client() as client:
        client.send(path.with_suffix(".http").read_bytes())
        for request in expected["requests"]:
            response = final_response(client, request["method"])
            assert response.status == 200
            data = base64.b64decode(response["X-Seen"]) if request["method"] == "HEAD" else response.body
            seen = json.loads(data)
            lengths = [value for name, value in request["fields"] if name.lower() == "content-length"]
            if lengths:
                assert int(seen["length"]) == int(lengths[0])
            assert seen | {"length": ""} == {
                "method": request["method"],
                "target": request["target"],
                "version": request["version"],
                "length": "",
                "fields": variables(request),
                "body": request["body"],
            }
        if request["persistent"]:
            client.send(b"GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            assert json.loads(client.response().body)["target"] == "/last"
        client.assert_closed()


@pytest.mark.parametrize("path, expected", files("invalid"))
def test_invalid(server: Server, path: Path, expected: dict[str, Any]) -> None:
    with server.client() as client:
        with contextlib.suppress(ConnectionError):  # refused before everything was sent
            client.send(path.with_suffix(".http").read_bytes())
        if expected.get("cut"):
            client.sock.shutdown(socket.SHUT_WR)
        for _ in range(expected.get("answered", 0)):
            assert final_response(client, "GET").status == 200
        if expected.get("cut"):
            rest = client.rest()
            assert not rest or rest.startswith(b"HTTP/1.1 %d " % expected["status"])
            assert rest.count(b"HTTP/1.1 ") <= 1
            return
        response = client.response()
        assert response.status == expected["status"]
        assert response["Connection"] == "close"
        client.assert_closed()
