"""`start_response` and `write` (PEP 3333): when they may be called, what they accept, what the client gets."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

import pytest
from client import BrokenResponse
from server import APPS, Server
from told import tell


@pytest.fixture(scope="module")
def server(module_gate):
    with Server("responding", cwd=APPS, env=module_gate.environment) as server:
        yield server


@pytest.fixture(scope="module")
def told():
    with Server("told", cwd=APPS) as server:
        yield server


def test_a_generator_may_call_start_response_in_its_first_step(server):
    response = server.get("/late")
    assert (response.status, response.reason) == (201, "Made Late")
    assert response["X-Late"] == "yes"
    assert response.body == b"late but whole"


def test_start_response_may_come_after_an_empty_chunk(server):
    """The PEP asks for it before the first *non-empty* body bytestring is sent; wsgiref itself is stricter."""
    response = server.get("/late_after_empty")
    assert (response.status, response.reason) == (201, "Made Late")
    assert response.body == b"after an empty chunk"


def test_a_class_can_be_the_application(server):
    assert server.get("/as_class").body == b"from a class"


@pytest.mark.parametrize("path", ["/never", "/never_and_empty", "/too_late"])
def test_without_start_response_the_answer_is_500(server, path):
    before = len(server.log())
    assert server.get(path).status == 500
    server.wait_until(lambda: "start_response" in server.log()[before:], "the log explains what was missing")


def test_a_second_call_is_an_error_in_the_application(server):
    """wsgiref and gunicorn raise AssertionError; any exception will do, and the first call stays in force."""
    response = server.get("/twice")
    assert response.status == 200
    assert response["X-Call"] == "first"
    assert response.body != b"was allowed"


def test_missing_arguments_are_a_type_error(server):
    assert server.get("/not_enough_arguments").body == b"TypeError"


def test_exc_info_in_the_first_call_is_harmless(server):
    response = server.get("/exc_info_first")
    assert (response.status, response.body) == (503, b"busy")


def test_exc_info_may_be_none(server):
    assert server.get("/exc_info_none").body == b"none"


@pytest.mark.parametrize(
    "path", ["/exc_info_replaces", "/exc_info_replaces_in_generator", "/exc_info_replaces_after_empty_write"]
)
def test_exc_info_replaces_status_and_all_headers_before_they_are_sent(server, path):
    """Headers go out with the first byte of the body, so an empty piece does not send them."""
    response = server.get(path)
    assert (response.status, response.reason) == (500, "Oops")
    assert response["X-Second"] == "2"
    assert "X-First" not in response
    assert response.body == b"an error page"


@pytest.mark.parametrize("path", ["/exc_info_too_late", "/exc_info_after_write"])
def test_exc_info_is_raised_again_once_headers_are_sent(server, module_gate, path):
    module_gate.forget()
    with pytest.raises(BrokenResponse) as broken:
        server.get(path)
    assert module_gate.next("raised").facts["same"] is True
    assert broken.value.partial.status == 200
    assert broken.value.partial.body == b"already sent"


def test_write_alone_makes_the_body(server):
    assert server.get("/write_only").body == b"one two"


def test_write_goes_before_what_is_returned(server):
    assert server.get("/write_then_iterable").body == b"written, returned, in order"


def test_write_keeps_its_place_between_chunks(server):
    assert server.get("/write_between_chunks").body == b"abcd"


def test_write_works_from_a_late_start_response(server):
    assert server.get("/write_late").body == b"written and yielded"


def test_write_transmits_before_it_returns(server, module_gate):
    module_gate.forget()
    with server.client() as client:
        client.send(b"GET /write_transmits HTTP/1.1\r\nHost: a\r\n\r\n")
        call = module_gate.next("written")
        response = client.head()
        assert client.chunk(response) == b"first"
        call.open()
        assert client.chunk(response) == b"second"
        assert client.chunk(response) == b""


def test_write_takes_bytes_only(server):
    response = server.get("/write_wrong_type")
    assert (response.status, len(response.body.split())) == (200, 4), response.body


# Status


@pytest.mark.parametrize("status", ["200 OK", "404 Not Here", "200 Ok", "599 Odd But Legal", "200 Tr\xe8s bien"])
def test_status_and_reason_pass_through(told, status):
    """Trac says `200 Ok`, Zope `404 Not Here`; the phrase is the application's."""
    response = told.get(tell(status))
    assert f"{response.status} {response.reason}" == status


@pytest.mark.parametrize(
    "status",
    ["", "abc", "20 OK", "2000 OK", "099 Low", "+20 OK", "200 O\nK", "200 O\rK", "200 O\0K", "200 \u2603", "20\xb2 OK"],
)
def test_an_impossible_status_is_500(told, status):
    before = len(told.log())
    response = told.get(tell(status))
    assert (response.status, response.reason) == (500, "Internal Server Error")
    told.wait_until(lambda: "status" in told.log()[before:].lower(), "the log names the status")


@pytest.mark.parametrize("status", ["100 Continue", "101 Switching Protocols", "103 Early Hints"])
def test_an_informational_status_cannot_be_final(told, status):
    """RFC 9110 §15.2: a 1xx is not the answer to a request. Sent as one it would put the connection out of step."""
    with told.client() as client:
        assert client.request(target=tell(status, chunks=[])).status == 500


# Header fields


def test_header_order_case_and_duplicates_are_kept(told):
    headers = [("Set-Cookie", "a=1"), ("x-LOWER", "l"), ("Set-Cookie", "b=2"), ("X-Empty", ""), ("Set-Cookie", "a=1")]
    response = told.get(tell(headers=headers))
    assert [f for f in response.fields if f in headers] == headers


def test_latin_1_values_arrive_as_their_bytes(told):
    assert told.get(tell(headers=[("X-Word", "caf\u00e9")]))["X-Word"] == "caf\xe9"


def test_every_response_has_one_date(told):
    parsedate_to_datetime(told.get(tell())["Date"])


@pytest.mark.parametrize("name", ["Date", "Server"])
def test_the_applications_own_field_is_the_only_one(told, name):
    value = "Sun, 06 Nov 1994 08:49:37 GMT"
    assert told.get(tell(headers=[(name, value)])).all(name) == [value]


HOP_BY_HOP = ["Keep-Alive", "Transfer-Encoding", "Upgrade", "TE", "Proxy-Authenticate"]


@pytest.mark.parametrize("name", [*HOP_BY_HOP, *(n.upper() for n in HOP_BY_HOP)])
def test_hop_by_hop_fields_are_refused(told, name):
    """PEP 3333 and wsgiref: they are the server's own, and using one is a fatal error of the application."""
    before = len(told.log())
    assert told.get(tell(headers=[(name, "close")])).status == 500
    told.wait_until(lambda: name.lower() in told.log()[before:].lower(), f"the log names {name}")


@pytest.mark.parametrize("wish", ["close", "keep-alive"])
def test_an_application_may_wish_for_the_end_of_its_connection_and_for_nothing_else(told, wish):
    """`Connection: keep-alive` is in many an event stream's headers: it is the server's own and is dropped, not refused."""
    response = told.get(tell(headers=[("Connection", wish)]))
    assert response.status == 200
    assert (
        response.all("Connection") in ([wish], []) if wish == "keep-alive" else response.all("Connection") == ["close"]
    )


BAD_HEADERS = {
    "line feed in value": [("X-A", "a\nInjected: yes")],
    "carriage return in value": [("X-A", "a\rInjected: yes")],
    "whole line in value": [("X-A", "a\r\nInjected: yes\r\n\r\n<script>")],
    "obsolete folding": [("X-A", "a\r\n b")],
    "NUL in value": [("X-A", "a\0b")],
    "control character in value": [("X-A", "a\x01b")],
    "delete in value": [("X-A", "a\x7fb")],
    "beyond latin-1 in value": [("X-A", "\u2603")],
    "line feed in name": [("X-A\nInjected", "yes")],
    "colon in name": [("X-A: b\r\nInjected", "yes")],
    "space in name": [("X A", "b")],
    "trailing space in name": [("X-A ", "b")],
    "empty name": [("", "b")],
    "beyond ASCII in name": [("X-\xe9", "b")],
    "value is a number": [("X-A", 5)],
    "value is null": [("X-A", None)],
    "name is a number": [(5, "b")],
    "triple": [("X-A", "b", "c")],
    "single": [("X-A",)],
    "not a pair": ["X-A: b"],
    "no list": {"X-A": "b"},
    "null for a list": None,
    "length is no number": [("Content-Length", "five")],
    "length is negative": [("Content-Length", "-1")],
    "length has a sign": [("Content-Length", "+4")],
    "length is a list": [("Content-Length", "4, 4")],
    "length is empty": [("Content-Length", "")],
    "two lengths": [("Content-Length", "4"), ("Content-Length", "5")],
}


@pytest.mark.parametrize("headers", BAD_HEADERS.values(), ids=BAD_HEADERS.keys())
def test_bad_headers_are_500_and_logged(told, headers):
    before = len(told.log())
    response = told.get(tell(headers=headers))
    assert response.status == 500
    assert "Injected" not in response
    assert "X-A" not in response
    told.wait_until(lambda: "ERROR" in told.log()[before:], "the log says what was wrong")
    log = told.log()[before:]
    assert not any(line.startswith(("Injected", "<script>")) for line in log.splitlines()), log


def test_a_tab_inside_a_value_is_legal(told):
    assert told.get(tell(headers=[("X-A", "a\tb")]))["X-A"] == "a\tb"


def test_bad_headers_do_not_disturb_the_next_request(told):
    with told.client() as client:
        first = client.request(target=tell(headers=[("X-A", "a\nb")]))
        assert first.status == 500
        if first.keeps_alive:
            assert client.request(target=tell(chunks=["good"])).body == b"good"
