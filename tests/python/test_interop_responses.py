"""What an application answers, through every front server: whole, in time, and visibly broken where it is broken."""

from __future__ import annotations

import pytest
from behind import pattern
from client import BrokenResponse
from forced import forced


def test_what_the_application_yields_arrives_before_its_end(front, front_gate):
    """PEP 3333: no block is delayed until the next one is asked for."""
    with front.client() as client:
        client.send(front.bytes_of(target="/stream"))
        response = client.head()
        visit = front_gate.next("stream")
        got = b""
        while b"first" not in got:
            got += (
                client.chunk(response) if "Transfer-Encoding" in response else client.sock.recv(100) + client._take(100)
            )
        visit.open()
        if "Transfer-Encoding" in response:
            client.body(response)
            assert response.body == b"firstsecond"
        else:
            assert (got + client.rest()).endswith(b"second")


def test_an_application_hears_that_its_client_has_gone(front, front_gate):
    with front.client() as client:
        client.send(front.bytes_of(target="/endless"))
        client.exactly(20_000)
        client.reset()
    assert front_gate.next("closed")
    assert front.request("GET", "/hello").body == b"hello"


@pytest.mark.parametrize("length", [False, True], ids=["no length", "length"])
@pytest.mark.parametrize("size", [0, 1, 8191, 8192, 65_536, 1_000_000, 40_000_000])
def test_a_download_arrives_whole(front, size, length):
    response = front.request("GET", f"/size?n={size}" + ("&length=1" if length else ""))
    assert response.status == 200
    assert len(response.body) == size
    assert response.body[:100] == pattern(0, min(100, size))
    assert response.body[-1000:] == pattern(max(0, size - 1000), min(1000, size))
    assert hash(response.body) == hash(pattern(0, size))
    if length and not forced(front.pair, "length"):
        assert response["Content-Length"] == str(size)


def test_a_client_that_reads_slowly_gets_everything(front):
    with front.client() as client:
        client.send(front.bytes_of(target="/size?n=3000000"))
        response = client.head()
        body = bytearray()
        if "Transfer-Encoding" in response:
            while chunk := client.chunk(response):
                body += chunk
        else:
            body += client.body(response).body
        assert len(body) == 3_000_000


def test_head_has_the_head_of_get_and_no_body(front):
    with front.client() as client:
        client.send(front.bytes_of("HEAD", "/length"))
        response = client.response("HEAD")
        assert response.status == 200
        if "Content-Length" in response:
            assert response["Content-Length"] == "12345"
        else:
            assert forced(front.pair, "HEAD has no length")
        client.send(front.bytes_of("GET", "/hello"))
        assert client.response().body == b"hello"


STATUSES = ["201 Created", "204 No Content", "205 Reset Content", "299 Of my own", "304 Not Modified", "400 Bad Request", "401 Unauthorized",
            "403 Forbidden", "404 Not Found", "405 Method Not Allowed", "410 Gone", "418 I am a teapot",
            "500 Internal Server Error", "503 Service Unavailable"]  # fmt: skip


@pytest.mark.parametrize("line", STATUSES)
def test_status_and_words_are_the_application_s(front, line):
    response = front.request("GET", "/status?line=" + line.replace(" ", "%20"))
    assert response.status == int(line[:3])
    expected = b"" if line[:3] in ("204", "205", "304") else b"the application's own words"
    assert response.body == expected


def test_an_application_that_fails_gives_a_500(front):
    response = front.request("GET", "/fail")
    assert response.status == 500
    assert b"on purpose" not in response.body and b"Traceback" not in response.body
    assert front.request("GET", "/hello").body == b"hello"


@pytest.mark.parametrize("case", ["fail_in_stream", "fail_without_length", "killed_in_stream"])
def test_a_response_that_breaks_off_is_not_passed_off_as_whole(front, case):
    what = "break with a length" if case == "fail_in_stream" else "break without a length"
    # Nothing of the server's own is left to say it.
    killed = forced(front.pair, "killed without a length") if case == "killed_in_stream" else None
    if why := forced(front.pair, what) or killed:
        pytest.skip(why)
    with pytest.raises(BrokenResponse) as broken:
        response = front.request("GET", f"/{case}")
        raise BrokenResponse("refused instead", response) if response.status >= 500 else AssertionError(response)
    assert broken.value.partial is None or broken.value.partial.status in (200, 500, 502)
    if case == "killed_in_stream":
        # The worker had other connections, and the front server may not have seen yet that they have ended.
        front.request("GET", "/hello")
    assert front.request("GET", "/hello").body == b"hello"


@pytest.mark.parametrize("to", ["/elsewhere?a=b", "http://elsewhere.example/x", "relative/path"])
def test_a_redirect_goes_to_the_client(front, to):
    """A front server must not follow it itself, as CGI's local redirects would have it (RFC 3875 §6.2.2)."""
    response = front.request("GET", "/redirect?to=" + to.replace("?", "%3F").replace("=", "%3D"))
    assert response.status == 302
    if not forced(front.pair, "Location"):
        assert response["Location"] == to
    assert response.body == b"elsewhere"


def test_cookies_go_both_ways(front):
    response = front.request("GET", "/cookies", [("Cookie", "x=1; y=2")])
    assert response.body == b"x=1; y=2"
    assert response.all("Set-Cookie") == ["a=1; Path=/", "b=2; Path=/; HttpOnly"]


def test_many_and_long_fields_of_a_response_arrive(front):
    response = front.request("GET", "/fields")
    assert [response[f"X-Field-{number}"] for number in range(60)] == [f"value {number}" for number in range(60)]
    assert response["X-Long"] == "l" * 6000
    if not forced(front.pair, "latin-1 in responses"):
        assert response["X-Latin"] == "caf\xe9"


def test_a_response_field_of_20_kb_arrives(front):
    if why := forced(front.pair, "a response field of 20 kB"):
        pytest.skip(why)
    response = front.request("GET", "/fields?long=20000")
    assert response.status == 200
    assert response["X-Long"] == "l" * 20_000


def test_what_no_application_knows_is_the_application_s_404(front):
    response = front.request("GET", "/no/such/thing")
    assert response.status == 404
    assert response.body == b"no such case: no"
