"""Applications that raise: what the client sees, what the log says, and that the server goes on."""

from __future__ import annotations

import contextlib

import pytest
from client import BrokenResponse, request_bytes
from failing import EXCEPTIONS
from server import APPS, Server


@pytest.fixture(scope="module")
def server(module_gate):
    with Server("failing", cwd=APPS, env=module_gate.environment) as server:
        yield server


@pytest.fixture(autouse=True)
def same_process_and_no_secret(server, module_gate):
    """No exception of the application ends the worker."""
    module_gate.forget()
    before = server.get("/pid").body
    yield
    assert server.get("/pid").body == before


BEFORE_SENDING = ["in_call", "after_start_response", "in_first_step"]
MID_STREAM = ["mid_stream", "mid_stream_with_length", "mid_stream_after_write"]


@pytest.mark.parametrize("when", BEFORE_SENDING)
@pytest.mark.parametrize("exception", EXCEPTIONS)
def test_before_anything_is_sent_the_answer_is_a_plain_500(server, when, exception):
    before = len(server.log())
    with server.client() as client:
        response = client.request(target=f"/{when}/{exception}")
        assert response.status == 500
        assert response["Content-Type"].startswith("text/plain")
        assert "X-Before" not in response
        assert b"password" not in response.body
        assert b"failing.py" not in response.body
        assert b"Traceback" not in response.body
        if response.keeps_alive:
            assert client.request(target="/pid").status == 200
    server.wait_until(lambda: "failing.py" in server.log()[before:], "the traceback is in the log")
    log = server.log()[before:]
    assert f"/{when}/{exception}" in log, "the log must say which request failed"


@pytest.mark.parametrize("when", MID_STREAM)
@pytest.mark.parametrize("exception", [e for e in EXCEPTIONS if e != "StopIteration"])
def test_in_mid_stream_the_response_is_visibly_broken(server, when, exception):
    """No last chunk, or less than Content-Length, and the end of the connection."""
    before = len(server.log())
    with pytest.raises(BrokenResponse) as broken:
        server.get(f"/{when}/{exception}")
    assert broken.value.partial.status == 200
    assert broken.value.partial.body == b"a beginning"
    server.wait_until(lambda: "failing.py" in server.log()[before:], "the traceback is in the log")


def test_stop_iteration_from_next_is_the_ordinary_end(server):
    assert server.get("/mid_stream/StopIteration").body == b"a beginning"


def test_in_mid_stream_later(server, module_gate):
    """The first chunk is on its way and seen; only then the application fails."""
    with server.client() as client:
        client.send(request_bytes(target="/mid_stream_later"))
        call = module_gate.next("sent")
        response = client.head()
        assert client.chunk(response) == b"a beginning"
        call.open()
        with pytest.raises(BrokenResponse):
            client.chunk(response)


def test_in_mid_stream_pipelined_requests_behind_it_are_not_answered(server):
    """Whatever came after the break could be taken for the missing body."""
    data = server.raw(request_bytes(target="/mid_stream/Exception") + request_bytes(target="/pid") * 3)
    assert data.count(b"HTTP/1.1 ") == 1
    assert data.endswith(b"a beginning\r\n")


def test_in_mid_stream_with_http_1_0_the_connection_is_reset(server):
    """Without length and chunks only a reset tells a cut response from a whole one (RFC 9112 §8)."""
    with server.client() as client:
        client.send(request_bytes(target="/mid_stream/Exception", version="1.0"))
        with pytest.raises(ConnectionResetError):
            while client.sock.recv(65536):
                pass


def test_after_a_complete_body_the_client_has_what_it_needs(server):
    """Every byte of Content-Length was produced: the failure is the log's business only."""
    before = len(server.log())
    response = server.get("/mid_stream_after_length_is_complete/Exception")
    assert (response.status, response.body) == (200, b"whole")
    server.wait_until(lambda: "failing.py" in server.log()[before:], "the traceback is in the log")


def test_sys_exit_is_an_error_of_the_request_only(server):
    assert server.get("/sys_exit").status == 500


def test_endless_recursion_is_an_error_of_the_request_only(server):
    assert server.get("/deep").status == 500


def test_an_exception_in_a_thread_of_the_application(server):
    assert server.get("/in_thread").body == b"fine"


def test_many_exceptions_at_once(server):
    for _ in range(5):
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(server.client()) for _ in range(20)]
            for client in clients:
                client.send(request_bytes(target="/in_call/Exception"))
            for client in clients:
                assert client.response().status == 500


def test_head_of_a_failing_request(server):
    with server.client() as client:
        response = client.request("HEAD", "/in_call/Exception")
        assert response.status == 500
        if response.keeps_alive:
            assert client.request(target="/pid").status == 200


def test_a_failing_request_whose_body_was_not_read(server):
    """The rest of the body must not be taken for a request."""
    with server.client() as client:
        client.send(request_bytes("POST", "/in_call/Exception", body=request_bytes(target="/pid") * 1000))
        response = client.response()
        assert response.status == 500
        if response.keeps_alive:
            assert client.request(target="/errors_stream").body == b"ok"
        else:
            client.assert_closed()


# What applications say


def test_wsgi_errors_reaches_the_error_log(server):
    before = len(server.log())
    assert server.get("/errors_stream").body == b"ok"
    server.wait_until(lambda: "printed" in server.log()[before:], "the log holds what was printed")
    log = server.log()[before:]
    for line in ("written: café ☃", "line one", "line two"):
        assert line in log


def test_standard_streams_stay_where_they_were(server):
    before = len(server.log())
    assert server.get("/standard_streams").body == b"ok"
    server.wait_for_out("to standard output")
    server.wait_until(lambda: "to standard error" in server.log()[before:], "standard error holds it")
