"""Request bodies on disk: all of them together stay within `--request-spool`, and what finds no room waits for it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from client import Client, chunked, request_bytes
from server import APPS, Server

CHUNKED = [("Transfer-Encoding", "chunked")]
FULL = "the limit is 102400 (--request-spool)"


@contextmanager
def serving(gate, tmp_path: Path, *arguments: str, spool: str = "100k") -> Iterator[Server]:
    arguments = ("--request-buffer", "4k", "--request-spool", spool, *arguments)
    with Server("inputs", *arguments, cwd=APPS, env=gate.environment | {"TMPDIR": str(tmp_path)}) as server:
        yield server


def body_of(size: int) -> bytes:
    return bytes(number % 251 for number in range(size))


def digest(body: bytes) -> bytes:
    return f"{len(body)} {hashlib.sha256(body).hexdigest()}".encode()


def begin(client: Client, body: bytes, target: str = "/digest") -> None:
    """Everything of a chunked request but the last chunk."""
    client.send(request_bytes("POST", target, CHUNKED, chunked(body)[:-5]))


def end(client: Client) -> None:
    client.send(b"0\r\n\r\n")


def test_a_body_without_room_waits_for_that_of_another(gate, tmp_path):
    first, second = body_of(80_000), body_of(80_001)
    with serving(gate, tmp_path) as server, server.client() as one, server.client() as other:
        begin(one, first)
        server.wait_until(lambda: server.spooled(tmp_path) >= 76_000, "the first is on disk")
        begin(other, second)
        end(other)
        server.wait_for_log(FULL)
        assert server.spooled(tmp_path) <= 102_400
        assert server.get("/unread").body == b"not read", "it is nobody else's matter"
        end(one)
        assert one.response().body == digest(first)
        assert other.response().body == digest(second)
        assert one.request("POST", "/digest", body=b"next").body == digest(b"next")
        assert other.request("POST", "/digest", body=b"next").body == digest(b"next")


def test_many_bodies_take_turns(gate, tmp_path):
    bodies = [body_of(90_000 + number) for number in range(8)]
    with serving(gate, tmp_path, "--body-timeout", "1") as server:
        clients = [server.client() for _ in bodies]
        # The first alone has all the room, so that none of the others has a part of it that it could not add to.
        begin(clients[0], bodies[0])
        server.wait_until(lambda: server.spooled(tmp_path) >= 86_000, "the first is on disk")
        for client, body in zip(clients[1:], bodies[1:], strict=True):
            client.send(request_bytes("POST", "/digest", CHUNKED, chunked(body)))
        server.wait_for_log(FULL)
        end(clients[0])
        answers = [client.response().body for client in clients]
        assert answers == [digest(body) for body in bodies]
        for client in clients:
            client.close()


@pytest.mark.slow
def test_a_body_that_finds_no_room_in_time_is_503(gate, tmp_path):
    first = body_of(80_000)
    with serving(gate, tmp_path, "--body-timeout", "1") as server, server.client() as one, server.client() as other:
        begin(one, first, "/read_behind_the_gate")
        end(one)
        call = gate.next("called")
        assert call.facts["length"] == "80000"
        begin(other, body_of(80_000))
        response = other.response()
        assert (response.status, response.body) == (503, b"Service Unavailable")
        server.wait_for_log("POST /digest: refused with 503: there was no room on disk for the request's body")
        call.open()
        assert one.response().body == digest(first)
        assert server.request("POST", "/digest", CHUNKED, chunked(first)).body == digest(first)


@pytest.mark.parametrize("spool", ["0", "100k"])
def test_a_body_for_which_there_can_never_be_room_is_413(gate, tmp_path, spool):
    with serving(gate, tmp_path, spool=spool) as server:
        for size in (4_000, 90_000, 110_000):
            body = body_of(size)
            with server.client() as client:
                begin(client, body)
                fits = size <= (4_096 if spool == "0" else 102_400)
                if fits:
                    end(client)
                response = client.response()
                assert (response.status, response.body == digest(body)) == ((200, True) if fits else (413, False))
        assert server.spooled(tmp_path) == 0


def test_a_body_with_a_length_needs_no_room_while_threads_are_free(gate, tmp_path):
    body = body_of(300_000)
    with serving(gate, tmp_path, spool="0") as server:
        assert server.request("POST", "/digest", body=body).body == digest(body)


@pytest.mark.parametrize("spool", ["0", "100k"])
def test_without_room_a_body_with_a_length_waits_for_a_thread(gate, tmp_path, spool):
    """A slow sender has the only thread that may wait for such; with room, the other's body goes to disk meanwhile."""
    first, second = body_of(20_000), body_of(80_000)
    with (
        serving(gate, tmp_path, "--threads", "4", spool=spool) as server,
        server.client() as one,
        server.client() as other,
    ):
        one.send(request_bytes("POST", "/read_reporting", body=first)[:-1])
        gate.next("called")
        other.send(request_bytes("POST", "/digest", body=second))
        if spool != "0":
            assert other.response().body == digest(second)
        assert server.get("/unread").body == b"not read"
        one.send(first[-1:])
        assert one.response().body == b"complete"
        if spool == "0":
            assert other.response().body == digest(second)


def test_bodies_that_grow_side_by_side_all_end(gate, tmp_path):
    """Each has begun, and none could end, had they shared the room as it came."""
    bodies = [body_of(70_000 + number) for number in range(6)]
    with serving(gate, tmp_path, "--body-timeout", "20") as server:
        clients = [server.client() for _ in bodies]
        pieces = [chunked(body)[:-5] for body in bodies]
        for client in clients:
            client.send(request_bytes("POST", "/digest", CHUNKED))
        for at in range(0, 72_000, 4_000):
            for client, piece in zip(clients, pieces, strict=True):
                client.send(piece[at : at + 4_000])
        for client, piece in zip(clients, pieces, strict=True):
            client.send(piece[72_000:] + b"0\r\n\r\n")
        server.wait_for_log(FULL)
        assert [client.response().body for client in clients] == [digest(body) for body in bodies]
        for client in clients:
            client.close()
