"""What an application does behind the last byte that its client can get holds nothing up (PEP 3333, "Handling the
Content-Length Header")."""

from __future__ import annotations

import pytest
from server import APPS, Server


@pytest.fixture(scope="module", params=["16", "1"], ids=["threads", "one-thread"])
def server(module_gate, request):
    with Server("endless", "--threads", request.param, cwd=APPS, env=module_gate.environment) as server:
        yield server


@pytest.fixture(autouse=True)
def fresh_gate(module_gate):
    module_gate.forget()


@pytest.mark.parametrize(
    ("method", "case"),
    [
        ("HEAD", "open_end"),
        ("GET", "no_content"),
        ("GET", "not_modified"),
        ("GET", "too_long"),
        ("HEAD", "too_long"),
        ("GET", "too_empty"),
        ("GET", "written"),
    ],
)
def test_an_iterable_without_end_is_left_when_nothing_more_can_be_sent(server, module_gate, method, case):
    with server.client() as client:
        for _ in range(2):
            response = client.request(method, f"/{case}")
            assert response.status == {"no_content": 204, "not_modified": 304}.get(case, 200)
            assert response.body == (b"12345" if (method, response.status) == ("GET", 200) else b"")
            module_gate.next("closed")


def test_what_was_too_long_is_in_the_log_with_its_request(server, module_gate):
    assert server.get("/too_long").body == b"12345"
    module_gate.next("closed")
    server.wait_for_log("application error in GET /too_long: the response body is longer than its Content-Length")


def test_writing_for_nobody_ends_when_the_client_leaves(server, module_gate):
    with server.client() as client:
        assert client.request("HEAD", "/written_for_nobody").status == 200
    module_gate.next("closed")


@pytest.mark.parametrize("case", ["last_item_waits", "close_waits"])
def test_the_last_byte_does_not_wait_for_the_end_of_the_application(server, module_gate, case):
    # The gate is closed: the application has not ended when the response is here.
    assert server.get(f"/{case}").body == b"12345"
    module_gate.next("given").open()
    module_gate.next("closed")


def test_an_exception_of_the_iterable_itself_is_told(server):
    assert server.get("/iter_fails").status == 500
    server.wait_for_log("ValueError: of the iterable itself")


def test_two_exceptions_are_both_told(server):
    assert server.get("/fails_twice").status == 500
    server.wait_for_log("ValueError: of the iterable itself")
    server.wait_for_log("KeyError: 'of its end'")
    assert "application error in close() after GET /fails_twice:" in server.log()
