"""What the application returns, and how the end of it is told to the client (PEP 3333, RFC 9112 §6)."""

from __future__ import annotations

import contextlib
import json

import pytest
from client import BrokenResponse, request_bytes
from server import APPS, PATIENCE, Server
from told import FORMS, tell


@pytest.fixture(scope="module")
def server(module_gate):
    with Server("responding", cwd=APPS, env=module_gate.environment) as server:
        yield server


@pytest.fixture(scope="module")
def told():
    with Server("told", cwd=APPS) as server:
        yield server


@pytest.fixture(autouse=True)
def fresh_gate(module_gate):
    module_gate.forget()


CHUNKS = {
    "one": ["whole"],
    "several": ["one", "two", "three"],
    "none": [],
    "only empty": ["", "", ""],
    "empty first": ["", "body"],
    "empty last": ["body", ""],
    "empty between": ["a", "", "", "b"],
    "large": ["x" * 100, "y" * 3000],
}


@pytest.mark.parametrize("form", [*FORMS, "write"])
@pytest.mark.parametrize("chunks", CHUNKS.values(), ids=CHUNKS.keys())
@pytest.mark.parametrize("length", [False, True], ids=["no length", "length"])
def test_every_iterable_arrives_whole(told, form, chunks, length):
    """With HTTP/1.1 the end is always marked, so that the connection can go on."""
    body = "".join(chunks).encode()
    headers = [("Content-Length", str(len(body)))] if length else []
    with told.client() as client:
        response = client.request(target=tell(headers=headers, chunks=chunks, form=form))
        assert response.body == body
        assert response.framing in (["length"] if length else ["length", "chunked"])
        assert client.request(target=tell(chunks=["next"])).body == b"next"


@pytest.mark.parametrize("form", ["list", "tuple", "sized"])
def test_a_single_chunk_of_known_count_gets_a_content_length(told, form):
    """PEP 3333, "Handling the Content-Length Header": a one-element iterable tells its length."""
    assert told.get(tell(chunks=["twelve bytes"], form=form))["Content-Length"] == "12"


@pytest.mark.parametrize("form", ["list", "generator", "write"])
@pytest.mark.parametrize("chunks", [["whole"], ["one", "", "two"], []])
def test_http_1_0_gets_no_chunked_coding(told, form, chunks):
    with told.client() as client:
        client.send(request_bytes(target=tell(chunks=chunks, form=form), version="1.0"))
        response = client.response()
        assert response.body == "".join(chunks).encode()
        assert "Transfer-Encoding" not in response
        client.assert_closed()


def test_each_chunk_is_transmitted_before_the_next_is_asked_for(server, module_gate):
    with server.client() as client:
        client.send(request_bytes(target="/chunk_by_chunk"))
        call = module_gate.next("between")
        response = client.head()
        assert client.chunk(response) == b"first"
        call.open()
        assert client.chunk(response) == b"second"
        assert client.chunk(response) == b""


def test_many_mebibytes_arrive_in_order(server):
    body = server.get("/mebibytes?24").body
    assert len(body) == 24 << 20
    assert [int(body[i : i + 8]) for i in range(0, len(body), 65536)] == list(range(16 * 24))


def test_the_application_waits_for_a_slow_reader(server, module_gate):
    """512 MiB are asked for and not read: the application must not come to its end. Reading on lets it."""
    with server.client() as client:
        client.send(request_bytes(target="/mebibytes?512"))
        response = client.head()
        with pytest.raises(AssertionError, match="nobody came"):
            module_gate.next("all produced", timeout=min(2, PATIENCE))
        assert server.get("/mark").body == b"marked", "a slow reader must not stop other clients"
        module_gate.next("mark")
        size = 0
        while chunk := client.chunk(response):
            size += len(chunk)
            response.chunks.clear()
        assert size == 512 << 20
        module_gate.next("all produced")


# What is not bytes

NOT_BODIES = [
    "none",
    "integer",
    "text",
    "bytes",
    "text-in-list",
    "text-in-generator",
    "integer-in-list",
    "none-in-list",
    "bytearray-in-list",
    "memoryview-in-list",
    "list-in-list",
    "not-iterable",
    "start_response",
]


@pytest.mark.parametrize("what", NOT_BODIES)
def test_only_iterables_of_bytes_are_bodies(server, what):
    """PEP 3333: bytestrings, of type `bytes`. `bytes` itself iterates over integers, so it is no body either, and
    a bytearray, which the application could change while it is being sent, is refused as wsgiref refuses it."""
    before = len(server.log())
    with server.client() as client:
        response = client.request(target=f"/returns/{what}")
        assert response.status == 500
        if response.keeps_alive:
            assert client.request(target="/as_class").status == 200
    server.wait_until(lambda: "ERROR" in server.log()[before:], "the log says what was wrong")


def test_subclasses_of_bytes_are_bytes(server):
    assert server.get("/bytes_subclass").body == b"marked"


# Content-Length and what really comes


@pytest.mark.parametrize("form", ["list", "generator", "write"])
def test_a_body_that_is_too_long_is_cut(told, form):
    """PEP 3333: the server must not send more than the application declared. What follows must not be taken
    for the next response; closing the connection afterwards is allowed."""
    before = len(told.log())
    with told.client() as client:
        response = client.request(target=tell(headers=[("Content-Length", "5")], chunks=["hello", " world"], form=form))
        assert response.body == b"hello"
        with contextlib.suppress(BrokenResponse, ConnectionError):
            assert client.request(target=tell(chunks=["next"])).body == b"next"
    told.wait_until(lambda: "Content-Length" in told.log()[before:], "the log names Content-Length")


@pytest.mark.parametrize("form", ["list", "generator", "write"])
def test_a_body_that_is_too_short_is_visibly_broken(told, form):
    before = len(told.log())
    with pytest.raises(BrokenResponse) as broken:
        told.get(tell(headers=[("Content-Length", "10")], chunks=["hell", "o"], form=form))
    assert broken.value.partial.body == b"hello"
    told.wait_until(lambda: "Content-Length" in told.log()[before:], "the log names Content-Length")


NOT_ENOUGH = {
    "one item": (["hello"], "list"),
    "one item of a tuple": (["hello"], "tuple"),
    "one item of what knows its length": (["hello"], "sized"),
    "no item": ([], "list"),
    "no step": ([], "generator"),
    "nothing but empty items": (["", ""], "generator"),
    "write of nothing": ([""], "write"),
}


@pytest.mark.parametrize(("chunks", "form"), NOT_ENOUGH.values(), ids=NOT_ENOUGH.keys())
def test_a_body_that_is_known_to_be_too_short_before_anything_is_sent_is_500(told, chunks, form):
    """A head that promises what is known not to come would leave the client with half a 200."""
    before = len(told.log())
    with told.client() as client:
        response = client.request(target=tell(headers=[("Content-Length", "10")], chunks=chunks, form=form))
        assert (response.status, response.reason) == (500, "Internal Server Error")
        assert b"10" not in response.body
    known = sum(len(chunk) for chunk in chunks)
    said = f"the response has a Content-Length of 10, but its body has {known} bytes"
    told.wait_until(lambda: said in told.log()[before:], "the log tells both lengths")
    assert "application error in GET /told" in told.log()[before:]


@pytest.mark.parametrize("status", ["302 Found", "416 Range Not Satisfiable", "503 Busy"])
def test_what_a_head_says_by_itself_is_sent_although_its_body_is_too_short(told, status):
    """Zope answers a range that cannot be satisfied with the length of the whole and nothing: the client still learns why."""
    with pytest.raises(BrokenResponse) as broken:
        told.get(tell(status, headers=[("Content-Length", "10"), ("Location", "/a")], chunks=[]))
    assert broken.value.partial.status == int(status[:3])
    assert broken.value.partial["Location"] == "/a"


# Responses without a body


@pytest.mark.parametrize("form", [*FORMS, "write"])
@pytest.mark.parametrize("status", ["204 No Content", "205 Reset Content", "304 Not Modified"])
def test_no_body_where_the_status_forbids_one(told, form, status):
    """The client checks that there is no length on a 204, and that the connection stays in step."""
    with told.client() as client:
        assert client.request(target=tell(status, chunks=["must not", "be sent"], form=form)).body == b""
        assert client.request(target=tell(chunks=["next"])).body == b"next"


def test_304_may_carry_the_length_of_the_200(told):
    with told.client() as client:
        response = client.request(target=tell("304 Not Modified", [("Content-Length", "1234"), ("ETag", '"x"')], []))
        assert response["ETag"] == '"x"'
        assert response.all("Content-Length") in (["1234"], [])
        assert client.request(target=tell(chunks=["next"])).body == b"next"


def test_a_304_with_less_of_a_body_than_its_length_is_no_mistake(told):
    """Conditional middleware empties the body and forgets the length: RFC 9110 §15.4.5 allows it."""
    before = len(told.log())
    assert told.get(tell("304 Not Modified", [("Content-Length", "1234")], ["hello"])).status == 304
    assert "Content-Length" not in told.log()[before:]


def test_204_drops_the_length_the_application_gave(told):
    with told.client() as client:
        assert client.request(target=tell("204 No Content", [("Content-Length", "0")], [])).all("Content-Length") == []
        assert client.request(target=tell(chunks=["next"])).body == b"next"


@pytest.mark.parametrize("headers", [[], [("Content-Length", "5")]])
def test_205_says_that_nothing_follows(told, headers):
    with told.client() as client:
        response = client.request(target=tell("205 Reset Content", headers, chunks=["hello"]))
        assert (response.body, response.all("Content-Length"), response.all("Transfer-Encoding")) == (b"", ["0"], [])
        assert client.request("HEAD", tell("205 Reset Content", headers, chunks=["hello"]))["Content-Length"] == "0"
        assert client.request(target=tell(chunks=["next"])).body == b"next"


@pytest.mark.parametrize("form", [*FORMS, "write"])
def test_head_has_the_fields_of_get_and_no_body(told, form):
    headers = [("Content-Length", "11"), ("X-A", "b")]
    with told.client() as client:
        response = client.request("HEAD", tell(headers=headers, chunks=["hello", " world"], form=form))
        assert response["Content-Length"] == "11"
        assert response["X-A"] == "b"
        assert client.request(target=tell(chunks=["next"])).body == b"next"


@pytest.mark.parametrize("chunks", [[], [""], ["hello"]])
def test_head_may_leave_the_body_out_and_keep_its_length(told, chunks):
    """Frameworks strip the body of a HEAD themselves: a length that no body follows is then no mistake."""
    with told.client() as client:
        before = len(told.log())
        response = client.request("HEAD", tell(headers=[("Content-Length", "11")], chunks=chunks))
        assert response["Content-Length"] == "11"
        assert client.request(target=tell(chunks=["next"])).body == b"next"
        assert "Content-Length" not in told.log()[before:]


@pytest.mark.parametrize("form", [*FORMS, "write"])
def test_head_without_length_keeps_the_connection_in_step(told, form):
    with told.client() as client:
        client.request("HEAD", tell(chunks=["one", "two"], form=form))
        assert client.request(target=tell(chunks=["next"])).body == b"next"


def test_head_does_not_promise_a_length_of_zero_for_a_stripped_body(told):
    """With neither body nor length the length of the GET is unknown; `Content-Length: 0` would be a guess that
    caches believe (RFC 9110 §8.6)."""
    response = told.request("HEAD", tell(chunks=[]))
    assert response.all("Content-Length") == []


def test_json_survives(told):
    body = json.dumps({"key": "v" * 5000})
    response = told.get(tell(headers=[("Content-Type", "application/json")], chunks=[body]))
    assert json.loads(response.body) == json.loads(body)
