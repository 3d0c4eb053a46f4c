"""Two mounts in one configuration of lighttpd, each from its own `millau config`."""

from __future__ import annotations

import json
import os

import pytest
from front_server import Backend, FrontServer, Pair, Place, program, run_front_server

LIGHTTPD = [Pair("lighttpd", way) for way in ("http", "fastcgi", "spawn", "scgi", "uwsgi", "ajp", "cgi")]
MOUNTS = ["/m", "/mo"]


def options(backend: Backend, pair: Pair, mount: str) -> list[str]:
    place = backend.place
    if pair.way == "spawn":
        file = place.script(f"two{mount[1:]}.fcgi", f"serve --mount {mount}=behind --bind fastcgi+fd:0")
        return ["--mount", mount, "--bind", "fastcgi+fd:0", "--program", str(file)]
    if pair.way == "cgi":
        return ["--mount", mount, "--program", str(place.script(f"two{mount[1:]}.cgi", "cgi behind"))]
    return ["--mount", mount, "--bind", backend.bind(pair)]


@pytest.fixture(scope="module")
def both():
    place = Place()
    backend = Backend(place, [word for mount in MOUNTS for word in ("--mount", f"{mount}=behind")])
    with backend.server, backend.without_secret:
        yield backend
    place.close()


@pytest.fixture(scope="module", params=LIGHTTPD, ids=str)
def two(request, both):
    pair = request.param
    if program("lighttpd") is None:
        if os.environ.get("INTEROP_REQUIRED"):
            pytest.fail("lighttpd is not installed, and INTEROP_REQUIRED asks for it")
        pytest.skip("lighttpd is not installed")
    first, second = (options(both, pair, mount) for mount in MOUNTS)
    other = run_front_server(pair, MOUNTS[1], second, both.place.path)
    other.stop()
    site = "server.modules += " + other.configuration.partition("server.modules += ")[2]
    # The directory stands in for /run/lighttpd, which all parts share.
    front = run_front_server(
        pair,
        MOUNTS[0],
        first,
        both.place.path,
        lambda printed: printed + site.replace(str(other.directory), directory_of(printed)),
    )
    FrontServer.running.append(front)
    yield front
    FrontServer.running.remove(front)
    front.stop()


def directory_of(printed: str) -> str:
    return printed.partition('server.document-root = "')[2].partition('"')[0]


@pytest.mark.parametrize("mount", MOUNTS)
def test_each_mount_is_served(two, mount):
    two.mount = mount
    for path in ("/environ", "/environ/a%20b"):
        response = two.request("GET", path)
        assert response.status == 200, response
        seen = json.loads(response.body)["environ"]
        assert seen["SCRIPT_NAME"] == mount


def test_what_only_begins_like_a_mount_is_nobody_s(two):
    two.mount = ""
    assert two.request("GET", "/more/environ").status == 404
