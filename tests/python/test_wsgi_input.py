"""`wsgi.input`: a file that ends where the body ends, and never passes a cut body off as whole (PEP 3333)."""

from __future__ import annotations

import contextlib
import hashlib
import io
import itertools
import json
import random
from urllib.parse import quote

import pytest
from client import Client, chunked, request_bytes
from inputs import perform
from server import APPS, Server


@pytest.fixture(scope="module")
def buffered(module_gate):
    with Server("inputs", cwd=APPS, env=module_gate.environment) as server:
        yield server


@pytest.fixture(scope="module")
def streamed(module_gate):
    """The application is called when the head is complete and reads the body as it arrives."""
    with Server("inputs", "--request-buffer", "0", cwd=APPS, env=module_gate.environment) as server:
        yield server


@pytest.fixture(params=["buffered", "streamed"])
def server(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(autouse=True)
def fresh_gate(module_gate):
    module_gate.forget()


CHUNKED = [("Transfer-Encoding", "chunked")]


def pieces(data: bytes, size: int) -> list[bytes]:
    return [data[i : i + size] for i in range(0, len(data), size)]


def send_with_length(client: Client, target: str, body: bytes) -> None:
    client.send(request_bytes("POST", target, body=body))


def send_chunked(client: Client, target: str, body: bytes) -> None:
    client.send(request_bytes("POST", target, CHUNKED, chunked(*pieces(body, 7))))


def send_dribbled(client: Client, target: str, body: bytes) -> None:
    client.send(request_bytes("POST", target, [("Content-Length", str(len(body)))]))
    client.dribble(body)


def send_chunked_and_dribbled(client: Client, target: str, body: bytes) -> None:
    client.send(request_bytes("POST", target, CHUNKED))
    client.dribble(chunked(*pieces(body, 5)))


WAYS = [send_with_length, send_chunked, send_dribbled, send_chunked_and_dribbled]

BODIES = {
    "lines": b"first\nsecond line\n\nfourth, the third was empty\nno newline at the end",
    "ends with newline": b"one\ntwo\n",
    "no newline": b"just some bytes",
    "empty": b"",
    "newlines": b"\n\n\n",
    "carriage returns": b"a\r\nb\rc\n\r",
    "binary": bytes(range(256)),
}

SCRIPTS = [
    "read()",
    "read();read();read(5)",
    "read(-1)",
    "read(null)",
    "read(0);read(3);read(0);read(-1);read(3)",
    "read(1);read(2);read(100000);read(1)",
    "readline();readline();readline();readline();readline();readline()",
    "readline(3);readline(100);readline(-1);readline(0);readline(1)",
    "readline(null);read()",
    "readlines();readlines();read()",
    "readlines(1);readlines(7);readlines(0);readlines(null)",
    "readlines(-1)",
    "list;list;read()",
    "for;readline()",
    "next;next;next;next;next;next;next",
    "next;read(2);readline();next;readlines()",
    "readinto(4);readinto(0);readinto(1000);readinto(1)",
    "read(3);readinto(3);readline();next;read()",
]


def expected(script: str, body: bytes) -> str:
    return perform(script, io.BytesIO(body))


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("way", WAYS)
def test_every_method_behaves_as_on_a_file_with_that_content(server, way, script):
    for body in BODIES.values():
        with server.client() as client:
            way(client, f"/script?{quote(script)}", body)
            assert client.response().text == expected(script, body)


def test_random_scripts_behave_as_on_a_file_with_that_content(server):
    """A hundred scripts of ten steps each; the seed is fixed so that a failure can be repeated."""
    rng = random.Random(3333)
    steps = ["read()", "read({n})", "readline()", "readline({n})", "readlines({n})", "next", "readinto({n})"]
    weights = [1, 8, 6, 6, 2, 4, 4]
    with server.client() as client:
        for way in itertools.islice(itertools.cycle(WAYS[:2]), 100):
            body = b"".join(
                rng.choice([b"a" * rng.randint(0, 60), b"\n", b"b\r\nc"]) for _ in range(rng.randint(0, 20))
            )
            script = ";".join(s.format(n=rng.randint(0, 40)) for s in rng.choices(steps, weights, k=10))
            way(client, f"/script?{quote(script)}", body)
            assert client.response().text == expected(script, body), (script, body)


def test_without_a_body_the_end_is_at_once(server):
    """Nothing blocks, though the connection stays open and more could come."""
    with server.client() as client:
        for script in SCRIPTS:
            assert client.request("GET", f"/script?{quote(script)}").text == expected(script, b"")


def test_reading_stops_where_the_next_request_begins(server):
    target = f"/script?{quote('read();read(5);readline()')}"
    with server.client() as client:
        client.send(request_bytes("POST", target, body=b"body") + request_bytes(target="/unread"))
        assert client.response().text == expected("read();read(5);readline()", b"body")
        assert client.response().body == b"not read"


@pytest.mark.parametrize("case", ["digest", "digest_in_pieces", "digest_in_another_thread"])
@pytest.mark.parametrize("form", ["length", "chunked", "one chunk"])
def test_large_bodies_arrive_whole(server, case, form):
    """Larger than every buffer between client and application."""
    body = random.Random(1).randbytes(5_000_000)
    data = {"length": body, "chunked": chunked(*pieces(body, 50_000)), "one chunk": chunked(body)}[form]
    with server.client() as client:
        response = client.request("POST", f"/{case}", [] if form == "length" else CHUNKED, data)
        assert response.text == f"{len(body)} {hashlib.sha256(body).hexdigest()}"


def test_an_answer_may_flow_while_the_body_does(streamed):
    """The application answers each block as it reads it; the client reads before it has sent everything."""
    with streamed.client() as client:
        client.send(request_bytes("POST", "/echo", [("Content-Length", str(3 * 65536))]))
        client.send(b"a" * 65536)
        response = client.head()
        assert client.chunk(response)[:1] == b"a"
        client.send(b"b" * 65536, b"c" * 65536)
        while client.chunk(response):
            pass
        assert response.body == b"a" * 65536 + b"b" * 65536 + b"c" * 65536


def test_a_body_beyond_the_request_buffer_streams(buffered, module_gate):
    """More than --request-buffer (1 MiB): the application runs before the client has sent the end."""
    size = 4_000_000
    with buffered.client() as client:
        client.send(request_bytes("POST", "/first_byte_then_rest", [("Content-Length", str(size))]))
        client.send(b"x" * (size - 1))
        call = module_gate.next("has the first byte")
        client.send(b"y")
        call.open()
        assert client.response().body == b"x" * (size - 1) + b"y"


def test_without_request_buffer_the_application_is_called_at_once(streamed, module_gate):
    with streamed.client() as client:
        client.send(request_bytes("POST", "/first_byte_then_rest", [("Content-Length", "3")]) + b"a")
        call = module_gate.next("has the first byte")
        assert call.facts["first"] == "a"
        call.open()
        client.send(b"bc")
        assert client.response().body == b"abc"


def test_a_sender_that_is_faster_than_the_application_waits(streamed, module_gate):
    """64 MB are offered while the application does not read. They must not pile up in the worker."""
    with streamed.client() as client:
        client.send(request_bytes("POST", "/read_after_gate", [("Content-Length", str(64_000_000))]))
        call = module_gate.next("before reading")
        client.sock.setblocking(False)
        taken = 0
        with contextlib.suppress(BlockingIOError):
            for _ in range(3):  # leave the server time to take what it wants to take
                with contextlib.suppress(BlockingIOError):
                    while taken < 64_000_000:
                        taken += client.sock.send(b"x" * 65536)
                streamed.get("/unread")
        assert taken < 32_000_000, "the server took a body that nobody reads"
        client.reset()
        call.open()


# Bodies that do not come to their end


def reports_so_far(server, gate):
    """What the application has reported until a later request was answered."""
    server.get("/mark")
    names = []
    while (name := gate.next().name) != "mark":
        names.append(name)
    return names


CUT = {
    "length": request_bytes("POST", "/{case}", [("Content-Length", "10000")]) + b"x" * 9999,
    "chunked, inside a chunk": request_bytes("POST", "/{case}", CHUNKED) + b"2710\r\n" + b"x" * 9999,
    "chunked, after a chunk": request_bytes("POST", "/{case}", CHUNKED) + b"5\r\nhello\r\n",
    "chunked, in the last line": request_bytes("POST", "/{case}", CHUNKED) + b"5\r\nhello\r\n0\r\n",
    "nothing sent": request_bytes("POST", "/{case}", [("Content-Length", "5")]),
}


@pytest.mark.parametrize("case", ["read_reporting", "read_reporting_in_pieces"])
@pytest.mark.parametrize("cut", CUT.values(), ids=CUT.keys())
@pytest.mark.parametrize("leave", ["half close", "close", "reset"])
def test_a_truncated_body_is_never_complete(server, streamed, module_gate, case, cut, leave):
    """The application either is not called at all, or reading raises. It never sees a shorter body as complete."""
    with server.client() as client:
        client.send(cut.replace(b"{case}", case.encode()))
        if server is streamed:
            module_gate.next("called")
        if leave == "half close":
            client.half_close()
            assert b" 200 " not in client.rest()
        elif leave == "reset":
            client.reset()
    if server is streamed:
        assert module_gate.next("raised").facts["is_exception"], "ordinary handlers must be able to catch it"
    else:
        assert reports_so_far(server, module_gate) in ([], ["called", "raised"])


MALFORMED = {
    "size is no number": b"5\r\nhello\r\nxyz\r\nhello\r\n0\r\n\r\n",
    "size is negative": b"5\r\nhello\r\n-5\r\nhello\r\n0\r\n\r\n",
    "no CRLF after the data": b"5\r\nhelloXX0\r\n\r\n",
    "data longer than its size": b"5\r\nhello world\r\n0\r\n\r\n",
    "size overflows": b"5\r\nhello\r\nfffffffffffffffff\r\nhello\r\n0\r\n\r\n",
    "bare LF after the size": b"5\r\nhello\r\n5\nhello\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_body_is_the_clients_fault(server, module_gate, body):
    """400 and the end of the connection, also when the application is already reading; never a short body."""
    data = server.raw(request_bytes("POST", "/read_reporting", CHUNKED, body))
    assert data.startswith(b"HTTP/1.1 400 "), data
    assert data.count(b"HTTP/1.1 ") == 1
    assert "read" not in reports_so_far(server, module_gate)


def test_an_application_that_swallows_the_error_gets_it_again(streamed, module_gate):
    with streamed.client() as client:
        client.send(request_bytes("POST", "/read_and_swallow", [("Content-Length", "10")]) + b"short")
        client.half_close()
        client.rest()
    assert module_gate.next("swallowed").facts["failures"] == 2


def test_an_unfinished_body_that_is_not_read_is_no_error(streamed):
    """A refusal before the body has come is an ordinary answer."""
    with streamed.client() as client:
        client.send(request_bytes("POST", "/unread", [("Content-Length", "1000000")]) + b"a little")
        assert client.response().body == b"not read"


# Bodies that are not read


@pytest.mark.parametrize("case", ["unread", "partly_read"])
@pytest.mark.parametrize("way", WAYS)
def test_an_unread_body_is_not_taken_for_a_request(server, case, way):
    """Either it is drained, or the connection ends; and the response says which."""
    with server.client() as client:
        way(client, f"/{case}", request_bytes(target="/must-not-be-seen") * 20)
        response = client.response()
        assert response.status == 200
        if response.keeps_alive:
            assert client.request(target="/unread").body == b"not read"
        else:
            client.rest()


def test_an_endless_unread_body_is_not_drained_for_ever(server, module_gate):
    """A GiB is announced and never comes: after the answer the server must not wait for it without end."""
    with server.client() as client:
        client.send(request_bytes("POST", "/unread", [("Content-Length", str(1 << 30))]) + b"x" * 2_000_000)
        response = client.response()
        assert response.body == b"not read"
        assert not response.keeps_alive
        client.assert_closed()


# The rest


def test_chunked_is_decoded_and_says_so(server):
    """After decoding, no trace of the coding is left for an application to decode again; a length, if there is one,
    is the true one. Trailers never become header fields (RFC 9112 §7.1.2)."""
    body = chunked(b"hello", b" world", trailers=b"X-Trailer: forged\r\nContent-Length: 3\r\n")
    facts = server.request("POST", "/facts", [*CHUNKED, ("Content-Type", "text/x")], body).text
    found = json.loads(facts)
    assert found["terminated"] is True
    assert found["coding"] is None
    assert found["length"] in (None, "", "11")
    assert found["type"] == "text/x"
    assert found["trailer"] is None
    assert found["trailer later"] is None


def test_input_is_always_terminated_and_has_every_method(server):
    found = json.loads(server.get("/facts").text)
    assert found["terminated"] is True
    assert found["methods"] == ["read", "readline", "readlines", "__iter__", "readinto"]
    assert "descriptor" not in found, "the body is not a descriptor that others may read"


def test_content_length_is_what_the_client_said(server):
    assert json.loads(server.request("POST", "/facts", body=b"12345").text)["length"] == "5"
    assert json.loads(server.get("/facts").text)["length"] in (None, "")


def test_chunk_extensions_are_ignored(server):
    body = b'5;name=value;q="a;b"\r\nhello\r\n0;last\r\n\r\n'
    response = server.request("POST", f"/script?{quote('read()')}", CHUNKED, body)
    assert response.text == expected("read()", b"hello")


def test_chunk_sizes_in_upper_and_lower_case_and_with_zeros(server):
    body = b"A\r\n0123456789\r\na\r\n0123456789\r\n0000A\r\n0123456789\r\n000\r\n\r\n"
    response = server.request("POST", f"/script?{quote('read()')}", CHUNKED, body)
    assert response.text == expected("read()", b"0123456789" * 3)


def test_an_input_is_over_with_its_request(server):
    """Kept and read later it gives its own bytes, nothing, or an error; never those of somebody else."""
    with server.client() as client:
        client.request("POST", "/keep", body=b"mine")
        client.request("POST", "/keep", body=b"also mine")
        result = client.request("POST", "/use_kept", body=b"secret of another").text
        assert "secret" not in result
        assert client.request(target="/unread").status == 200


def test_multipart_form(server):
    boundary = "----boundary"
    parts = {"a": b"1", "file": random.Random(2).randbytes(100_000).replace(b"\r", b"").replace(b"\n", b"")}
    body = b"".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{k}"\r\n'.encode()
        + b"Content-Transfer-Encoding: binary\r\n\r\n"
        + v
        + b"\r\n"
        for k, v in parts.items()
    )
    body += f"--{boundary}--\r\n".encode()
    headers = [("Content-Type", f"multipart/form-data; boundary={boundary}")]
    assert json.loads(server.request("POST", "/form", headers, body).text) == {k: len(v) for k, v in parts.items()}


def test_json_load(server):
    assert json.loads(server.request("POST", "/json_load", body=b'{"a": [1, 2]}').text) == {"a": [1, 2]}


def test_answering_before_reading(server):
    """The answer may start first; the body is still there to be read."""
    with server.client() as client:
        client.send(request_bytes("POST", "/answer_then_read", body=b"the body"))
        assert client.response().body == b"answer;the body"
