"""The relay under real front servers, when the server that it has started is killed while a request runs."""

from __future__ import annotations

import os

import pytest
from client import BrokenResponse
from front_server import Pair, program, start_front_server


@pytest.fixture(params=["apache", "lighttpd"])
def site(request, backend):
    pair = Pair(request.param, "relay")
    if program(pair.server) is None:
        if os.environ.get("INTEROP_REQUIRED"):
            pytest.fail(f"{pair.server} is not installed")
        pytest.skip(f"{pair.server} is not installed")
    site = start_front_server(pair, "", backend)
    yield site
    site.stop()


def test_before_the_response_it_is_a_bad_gateway_and_the_next_request_works(site):
    for _ in range(2):
        before = site.request("GET", "/pid").body
        assert site.request("GET", "/killed").status == 502
        after = site.request("GET", "/pid")
        assert (after.status, after.body != before) == (200, True)
    assert "the server ended while it answered GET /killed" in site.log()


def test_in_a_response_with_a_length_it_is_seen_and_the_next_request_works(site):
    """Apache would correct the length, if it saw the end together with the bytes before."""
    for _ in range(3):
        with pytest.raises((BrokenResponse, ConnectionResetError)):
            site.request("GET", "/killed_with_length", [("Connection", "close")])
        assert site.request("GET", "/hello").body == b"hello"
