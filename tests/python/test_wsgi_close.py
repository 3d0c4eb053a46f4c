"""`close()` of the returned iterable: called exactly once, whatever happens (PEP 3333)."""

from __future__ import annotations

import contextlib

import pytest
from client import BrokenResponse, request_bytes
from server import APPS, Server


@pytest.fixture(scope="module")
def server(module_gate):
    with Server("responding", cwd=APPS, env=module_gate.environment) as server:
        yield server


@pytest.fixture(autouse=True)
def fresh_gate(module_gate):
    module_gate.forget()


def assert_closed_once(server, gate):
    """`closed` came, and nothing between it and a request that was made afterwards."""
    gate.next("closed")
    assert server.get("/mark").body == b"marked"
    gate.next("mark")


@pytest.mark.parametrize(
    ("case", "status", "body"),
    [
        ("close_normal", 200, b"onetwo"),
        ("close_empty", 200, b""),
        ("close_exact_length", 200, b"onetwo"),
        ("close_after_too_much", 200, b"on"),
        ("close_no_content", 204, b""),
        ("close_not_modified", 304, b""),
        ("close_list_subclass", 200, b"a page"),
        ("close_first_step_fails", 500, None),
        ("close_wrong_chunk", 500, None),
        ("close_without_start_response", 500, None),
        ("close_iter_fails", 500, None),
    ],
)
def test_closed_once(server, module_gate, case, status, body):
    response = server.get(f"/{case}")
    assert response.status == status
    if body is not None:
        assert response.body == body
    assert_closed_once(server, module_gate)


@pytest.mark.parametrize("case", ["close_normal", "close_exact_length", "close_empty", "close_list_subclass"])
def test_closed_once_after_head(server, module_gate, case):
    assert server.request("HEAD", f"/{case}").status == 200
    assert_closed_once(server, module_gate)


def test_closed_once_when_a_later_step_fails(server, module_gate):
    with pytest.raises(BrokenResponse) as broken:
        server.get("/close_later_step_fails")
    assert broken.value.partial.body == b"one"
    assert_closed_once(server, module_gate)


def test_an_exception_in_close_is_logged_and_does_not_harm_a_complete_response(server, module_gate):
    before = len(server.log())
    response = server.get("/close_fails")
    assert (response.status, response.body) == (200, b"whole")
    assert_closed_once(server, module_gate)
    server.wait_until(lambda: "close() fails" in server.log()[before:], "the traceback is in the log")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_closed_once_when_the_client_is_gone_before_the_answer(server, module_gate, method):
    with server.client() as client:
        client.send(request_bytes(method, "/close_client_gone"))
        call = module_gate.next("called")
        client.reset()
    call.open()
    assert_closed_once(server, module_gate)


def test_closed_once_when_the_client_leaves_in_the_middle(server, module_gate):
    with server.client() as client:
        client.send(request_bytes(target="/close_of_generator"))
        call = module_gate.next("first is out")
        assert client.chunk(client.head()) == b"first"
        client.reset()
    call.open()
    assert_closed_once(server, module_gate)


def test_closed_once_when_the_client_stops_reading_and_leaves(server, module_gate):
    """Orderly end instead of a reset: the server learns of it only by sending."""
    with server.client() as client:
        client.send(request_bytes(target="/close_of_generator"))
        module_gate.next("first is out").open()
        assert client.chunk(client.head()) == b"first"
    assert_closed_once(server, module_gate)


def test_many_clients_leave_and_every_close_is_called(server, module_gate):
    for _ in range(50):
        with server.client() as client:
            client.send(request_bytes(target="/close_of_generator"))
            module_gate.next("first is out").open()
            with contextlib.suppress(BrokenResponse):
                client.head()
            client.reset()
        module_gate.next("closed")
    assert server.get("/mark").body == b"marked"
    module_gate.next("mark")


def test_pipelined_responses_are_each_closed_in_order(server, module_gate):
    with server.client() as client:
        client.send(request_bytes(target="/close_normal") * 3 + request_bytes(target="/mark"))
        for body in (b"onetwo", b"onetwo", b"onetwo", b"marked"):
            assert client.response().body == body
    assert module_gate.next_names(4) == ["closed", "closed", "closed", "mark"]
