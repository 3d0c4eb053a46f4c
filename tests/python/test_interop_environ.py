"""The same environ everywhere: what an application sees through each front server is what it sees without one."""

from __future__ import annotations

import json

import pytest
from client import Client, request_bytes
from forced import forced
from front_server import AUTHORIZATION, USER

PATHS = [
    "",
    "/",
    "/a/b",
    "/a%20b/c;d=e/x?x=1%26&y=%C3%A9",
    "/a//b///c/",
    "/a%2Fb",
    "/%C3%A9/%E2%82%AC",
    "/caf%e9",
    "/100%25/%2B+",
    "/%2541",
    "/%7Euser/a%3Fb?q=a?b",
    "?",
    "?x=%2F&&=",
    "/a:b@c!$'()*,=~-._",
    "/%41%62",
    "/" + "long/" * 200,
]
"""Below the case `environ`."""

DOTS = ["/a/./b/../c", "/a/b/..", "/a//../b", "/%2e%2E/environ", "/a%2F..%2Fb"]
"""What a front server resolves before it decides who is to answer."""

SAME = [
    "SCRIPT_NAME",
    "PATH_INFO",
    "QUERY_STRING",
    "REQUEST_URI",
    "REQUEST_METHOD",
    "SERVER_NAME",
    "SERVER_PORT",
    "SERVER_PROTOCOL",
    "REMOTE_ADDR",
    "REMOTE_USER",
    "AUTH_TYPE",
    "CONTENT_TYPE",
    "CONTENT_LENGTH",
    "HTTPS",
    "REQUEST_SCHEME",
    "GATEWAY_INTERFACE",
    "wsgi.url_scheme",
    "wsgi.version",
]


def direct(backend, front, target, fields=()):
    """The environ at Millau's own HTTP front, with what only the front server knows put in."""
    with Client(backend.server.connect(backend.front("http", "tcp"))) as client:
        fields = [("Host", f"localhost:{front.port}"), *front.own_fields, *fields]
        client.send(request_bytes("GET", front.mount + target, fields))
        environ = json.loads(client.response().body)["environ"]
    environ["SERVER_PORT"] = str(front.port)
    if front.mount and not forced(front.pair, "REMOTE_USER"):
        environ |= {"REMOTE_USER": USER, "AUTH_TYPE": "Basic"}
    return environ


def through(front, target, fields=()):
    response = front.request("GET", target, fields)
    assert response.status == 200, response
    return json.loads(response.body)["environ"]


def compared(front, seen, expected, names=SAME):
    names = [name for name in names if not forced(front.pair, name)]
    different = {name: (seen.get(name), expected.get(name)) for name in names if seen.get(name) != expected.get(name)}
    assert not different, f"(through {front.pair}, as expected): {different}"


@pytest.mark.parametrize("path", PATHS, ids=lambda path: repr(path[:40]))
def test_every_path_arrives_as_the_client_sent_it(front, backend, path):
    target = "/environ" + path
    if forced(front.pair, f"path {path}"):
        pytest.skip(forced(front.pair, f"path {path}"))
    expected = direct(backend, front, target)
    seen = through(front, target)
    if forced(front.pair, "empty segments"):
        expected["PATH_INFO"] = merged(expected["PATH_INFO"])
    compared(front, seen, expected)


def merged(path: str) -> str:
    while "//" in path:
        path = path.replace("//", "/")
    return path


@pytest.mark.parametrize("path", DOTS)
def test_dot_segments_are_resolved_as_the_front_server_has_done(front, path):
    """What the front server's rules were applied to is what the application sees."""
    if path == "/a//../b" and (why := forced(front.pair, "dots behind empty segments")):
        pytest.skip(why)
    seen = through(front, "/environ" + path)
    resolved = {
        "/a/./b/../c": "/environ/a/c",
        "/a/b/..": "/environ/a/",
        "/a//../b": "/environ/b",
        "/%2e%2E/environ": "/environ",
        "/a%2F..%2Fb": "/environ/b",
    }
    assert (seen["SCRIPT_NAME"], seen["PATH_INFO"]) == (front.mount, resolved[path])


def test_header_fields_arrive_as_without_a_front_server(front, backend):
    fields = [
        ("Accept-Language", "de, en;q=0.5"),
        ("X-Repeated", "one"),
        ("X-Between", "b"),
        ("X-Repeated", "two"),
        ("X-Latin", "caf\xe9"),
        ("X-Long", "v" * 7000),
        ("X-Empty", ""),
        ("Cookie", "a=1; b=2"),
        ("Authorization", AUTHORIZATION[1]),
        ("If-None-Match", '"x"'),
        ("Referer", "http://elsewhere.example/?a=b"),
        ("User-Agent", "a (b) c/1"),
    ]
    if front.mount:
        fields = [field for field in fields if field[0] != "Authorization"]
    names = sorted({"HTTP_" + name.upper().replace("-", "_") for name, _ in fields})
    names = [name for name in [*names, "HTTP_HOST", "HTTP_AUTHORIZATION"] if not forced(front.pair, name)]
    compared(front, through(front, "/environ", fields), direct(backend, front, "/environ", fields), names)


def test_a_field_of_20_kb_arrives(front, backend):
    if why := forced(front.pair, "a field of 20 kB"):
        pytest.skip(why)
    fields = [("X-Long", "v" * 20_000)]
    compared(front, through(front, "/environ", fields), direct(backend, front, "/environ", fields), ["HTTP_X_LONG"])


def test_many_fields_arrive(front, backend):
    fields = [(f"X-Field-{number}", f"value {number}") for number in range(80)]
    names = [f"HTTP_X_FIELD_{number}" for number in range(80)]
    compared(front, through(front, "/environ", fields), direct(backend, front, "/environ", fields), names)


def test_what_poses_as_something_else_does_not_arrive(front):
    seen = through(front, "/environ", [("Proxy", "http://evil.example"), ("X-Forwarded-For", "203.0.113.9")])
    assert "HTTP_PROXY" not in seen
    assert seen["REMOTE_ADDR"] == "127.0.0.1"


def test_a_field_with_an_underscore_cannot_pose_as_one_with_a_hyphen(front):
    seen = through(front, "/environ", [("X-Real", "real"), ("X_Real", "forged")])
    if forced(front.pair, "underscore"):
        pytest.skip(forced(front.pair, "underscore"))
    assert seen.get("HTTP_X_REAL") == "real"


def test_the_client_is_the_client(front):
    with front.client() as client:
        port = client.sock.getsockname()[1]
        client.send(front.bytes_of(target="/environ"))
        seen = json.loads(client.response().body)["environ"]
    assert seen["REMOTE_ADDR"] == "127.0.0.1"
    assert seen.get("REMOTE_PORT", str(port)) == str(port)


def test_there_is_no_body_where_none_was_sent(front):
    response = front.request("GET", "/environ")
    assert json.loads(response.body)["length"] == 0
    assert json.loads(response.body)["environ"].get("CONTENT_LENGTH", "0") == "0"


def test_nothing_of_the_front_server_s_own_is_in_the_environ(front):
    seen = through(front, "/environ")
    own = {"PATH", "LD_LIBRARY_PATH", "HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH", "GATE", "PYTHONPATH"}
    assert {name for name in own & seen.keys() if not forced(front.pair, name)} == set()
    assert [name for name in seen if name.startswith("UWSGI_")] == []


def test_the_front_server_has_let_in_who_knows_the_password(front):
    if not front.mount:
        pytest.skip("nobody is asked at the root")
    with front.client() as client:
        client.send(request_bytes("GET", "/m/who", [("Host", f"localhost:{front.port}")]))
        assert client.response().status == 401
    who = front.request("GET", "/who").text
    assert who == ("nobody" if forced(front.pair, "REMOTE_USER") else USER)


def test_nobody_is_a_user_who_only_says_so(front):
    """nginx makes $remote_user of whatever the client claims."""
    if front.mount:
        pytest.skip("here the password is asked for")
    assert front.request("GET", "/who", [AUTHORIZATION]).text == "nobody"


def test_what_only_begins_like_the_mount_is_not_below_it(front):
    if not front.mount:
        pytest.skip("everything is below the root")
    with front.client() as client:
        client.send(request_bytes("GET", "/mx/hello", [("Host", f"localhost:{front.port}"), AUTHORIZATION]))
        assert client.response().status == 404


def test_files_are_the_front_server_s(front):
    response = front.request("GET", "/static/page.css")
    assert (response.status, response.text) == (200, "body { color: green }\n")
    assert front.request("GET", "/static/none.css").status == 404
