"""CGI programs of Millau's whose name begins with nph-: Apache sends what they write to the client as it is (RFC 3875 §5),
lighttpd parses it as it does everything."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from client import Client
from front_server import Place
from web_servers_cgi import WebServer, apache, lighttpd, missing

SERVERS = {"apache2": apache, "lighttpd": lighttpd}
NAMES = ["site.cgi", "nph-site.cgi"]


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    place = Place()
    yield place
    place.close()


@pytest.fixture(scope="module", params=SERVERS)
def server(request, place) -> Iterator[WebServer]:
    """A web server with `behind` as plain programs and as relays, under names of either kind."""
    if request.param in missing():
        if os.environ.get("INTEROP_REQUIRED"):
            pytest.fail(f"{request.param} is not installed, and INTEROP_REQUIRED asks for it")
        pytest.skip(f"{request.param} is not installed")
    programs = place.path / f"{request.param}-programs"
    programs.mkdir()
    for name in NAMES:
        place.script(f"{programs.name}/{name}", "cgi behind")
        place.script(f"{programs.name}/{name.replace('site', 'wrong')}", "cgi behind --no-such-option")
        place.relay(f"{programs.name}/{name.replace('site', 'relay')}", "behind")
    folder = Path(place.path, f"{request.param}-files")
    folder.mkdir()
    # Apache passes a length of a program's on only if it is told to.
    with SERVERS[request.param](programs, folder, environment={"ap_trust_cgilike_cl": "yes"}) as server:
        yield server


@pytest.mark.parametrize("name", [*NAMES, "relay.cgi", "nph-relay.cgi"])
class TestPrograms:
    def test_a_response_arrives_whole(self, server, name):
        response = server.request("GET", f"/cgi-bin/{name}/hello")
        assert (response.status, response.reason, response.body) == (200, "OK", b"hello")
        assert response.all("Status") == []
        assert response["Content-Length"] == "5"

    def test_the_application_sees_the_request(self, server, name):
        response = server.request("POST", f"/cgi-bin/{name}/environ/x?y", body=b"z" * 300_000)
        seen = json.loads(response.body)
        assert (seen["environ"]["PATH_INFO"], seen["length"]) == ("/environ/x", 300_000)

    def test_what_has_no_length_ends_with_its_connection_or_in_chunks(self, server, name):
        assert len(server.request("GET", f"/cgi-bin/{name}/size?n=1000000").body) == 1_000_000

    @pytest.mark.parametrize(("path", "status"), [("fail", 500), ("none", 404), ("status?line=418+Short", 418)])
    def test_status_and_errors_arrive(self, server, name, path, status):
        assert server.request("GET", f"/cgi-bin/{name}/{path}").status == status

    def test_there_is_no_body_after_head(self, server, name):
        with server.client() as client:
            response = client.request("HEAD", f"/cgi-bin/{name}/length")
            assert (response.status, response["Content-Length"]) == (200, "12345")
            assert_nothing_follows(client, name)


def assert_nothing_follows(client: Client, name: str) -> None:
    if name.startswith("nph-"):
        assert client.rest() == b""
    else:
        assert client.request("GET", f"/cgi-bin/{name}/hello").body == b"hello"


@pytest.mark.parametrize("name", ["wrong.cgi", "nph-wrong.cgi"])
def test_a_command_line_that_is_wrong_is_a_500(server, name):
    response = server.request("GET", f"/cgi-bin/{name}")
    assert (response.status, response.body) == (500, b"Internal Server Error\n")
