"""Methods, bodies and connections of the client, through every front server."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from client import chunked
from forced import forced


@pytest.fixture
def bodies(front):
    """For tests that send one."""
    if why := forced(front.pair, "bodies"):
        pytest.skip(why)


METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "FROBNICATE"]


@pytest.mark.parametrize("method", METHODS)
def test_every_method_reaches_the_application(front, method):
    if forced(front.pair, f"method {method}"):
        pytest.skip(forced(front.pair, f"method {method}"))
    has_body = method in ("POST", "PUT", "PATCH") and not forced(front.pair, "bodies")
    body = b"body" if has_body else None
    response = front.request(method, "/environ", body=body)
    assert response.status == 200, response
    seen = json.loads(response.body)
    assert (seen["environ"]["REQUEST_METHOD"], seen["length"]) == (method, len(body or b""))


@pytest.mark.parametrize("size", [0, 1, 1000, 65_537, 20_000_000])
def test_a_body_arrives_whole(bodies, front, size):
    body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    fields = [("Content-Type", "application/x-test; a=b")]
    response = front.request("POST", "/environ", fields, body)
    assert response.status == 200, response
    seen = json.loads(response.body)
    assert (seen["length"], seen["digest"]) == (size, hashlib.sha256(body).hexdigest())
    assert seen["environ"]["CONTENT_LENGTH"] == str(size)
    assert seen["environ"]["CONTENT_TYPE"] == "application/x-test; a=b"
    assert "HTTP_CONTENT_TYPE" not in seen["environ"] and "HTTP_CONTENT_LENGTH" not in seen["environ"]


def test_a_body_comes_back_whole(bodies, front):
    body = bytes(range(256)) * 4000
    response = front.request("POST", "/echo", body=body)
    assert response.body == body


@pytest.mark.parametrize("pieces", [[b"x"], [b"one", b"two" * 1000, b"three" * 30_000]], ids=["small", "large"])
def test_a_chunked_body_arrives_whole(bodies, front, pieces):
    fields = [("Transfer-Encoding", "chunked")]
    response = front.request("POST", "/environ", fields, chunked(*pieces))
    if forced(front.pair, "chunked is refused"):
        assert response.status == 411
        return
    assert response.status == 200, response
    seen = json.loads(response.body)
    if forced(front.pair, "chunked is lost"):
        assert seen["length"] == 0
        return
    body = b"".join(pieces)
    assert (seen["length"], seen["digest"]) == (len(body), hashlib.sha256(body).hexdigest())
    assert seen["environ"].get("CONTENT_LENGTH", str(len(body))) == str(len(body))
    assert "HTTP_TRANSFER_ENCODING" not in seen["environ"]


def test_a_client_that_asks_first_is_told_to_send(bodies, front):
    body = b"z" * 100_000
    with front.client() as client:
        fields = [("Expect", "100-continue"), ("Content-Length", str(len(body)))]
        client.send(front.bytes_of("POST", "/environ", fields))
        response = client.response()
        while response.status == 100:
            response = client.response() if body is None else send_and_read(client, body)
            body = None
    if body is not None:
        assert forced(front.pair, "100-continue"), response
        return
    assert json.loads(response.body)["length"] == 100_000


def send_and_read(client, body):
    client.send(body)
    return client.response()


def test_a_request_of_http_1_0_is_answered(front):
    with front.client() as client:
        client.send(front.bytes_of("GET", "/hello", version="1.0"))
        response = client.response()
        assert (response.status, response.body) == (200, b"hello")


def test_many_requests_on_one_connection_are_answered_in_their_order(bodies, front):
    with front.client() as client:
        for number in range(6 if front.pair.way == "cgi" else 20):
            body = f"body {number} ".encode() * (number * 300)
            method = ("GET", "POST")[number % 2]
            client.send(front.bytes_of(method, f"/environ/{number}?n={number}", body=body if number % 2 else None))
            response = client.response()
            seen = json.loads(response.body)
            assert seen["environ"]["QUERY_STRING"] == f"n={number}"
            assert seen["length"] == (len(body) if number % 2 else 0)
            assert response.keeps_alive


def test_requests_at_the_same_time_are_not_mixed(bodies, front):
    def ask(number):
        body = f"{number};".encode() * (1 + number * 37)
        response = front.request("POST", f"/environ/{number}", [("X-Number", str(number))], body)
        seen = json.loads(response.body)
        assert seen["digest"] == hashlib.sha256(body).hexdigest()
        assert seen["environ"]["HTTP_X_NUMBER"] == str(number)
        assert seen["environ"]["PATH_INFO"].endswith(f"/{number}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(8 if front.pair.way == "cgi" else 24)))


def test_an_application_may_leave_a_body_unread(bodies, front):
    response = front.request("POST", "/unread", body=b"x" * 3_000_000)
    assert (response.status, response.body) == (200, b"unread")
    assert front.request("GET", "/hello").body == b"hello"


def test_a_client_that_leaves_in_its_body_does_no_harm(bodies, front):
    with front.client() as client:
        client.send(front.bytes_of("POST", "/echo", [("Content-Length", "1000000")]) + b"x" * 1000)
        client.reset()
    for _ in range(3):
        assert front.request("GET", "/hello").body == b"hello"
