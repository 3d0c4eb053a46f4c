"""The environ dictionary (PEP 3333, "environ Variables"; RFC 3875 §4.1): complete, truthful, and the application's own."""

from __future__ import annotations

import json
from urllib.parse import unquote

import pytest
from client import Response, request_bytes
from server import APPS, Server


@pytest.fixture(scope="module")
def server():
    env = {"DATABASE_PASSWORD": "secret of the process", "HTTP_X_LEAK": "forged", "REMOTE_USER": "forged"}
    with Server("environs", cwd=APPS, env=env) as server:
        yield server


def environ_of(response: Response) -> dict:
    assert response.status == 200, response
    return json.loads(response.body)["environ"]


def environ_for(server: Server, target: str = "/", fields=(), method: str = "GET", body: bytes | None = None) -> dict:
    return environ_of(server.request(method, target, fields, body))


def test_it_is_exactly_a_dict(server):
    """PEP 3333 and wsgiref.validate: a builtin dict, no subclass; WebOb and others depend on it."""
    assert json.loads(server.get().body)["exactly dict"] is True


def test_the_required_keys(server):
    environ = environ_for(server, "/path?query")
    assert environ["REQUEST_METHOD"] == "GET"
    assert environ["SCRIPT_NAME"] == ""
    assert environ["PATH_INFO"] == "/path"
    assert environ["QUERY_STRING"] == "query"
    assert environ["SERVER_PROTOCOL"] == "HTTP/1.1"
    assert environ["SERVER_NAME"]
    assert environ["SERVER_PORT"] == str(server.port)
    assert environ["REMOTE_ADDR"] == "127.0.0.1"
    assert "millau" in environ["SERVER_SOFTWARE"].lower()
    assert environ["wsgi.version"] == [1, 0]
    assert environ["wsgi.url_scheme"] == "http"
    assert environ["wsgi.run_once"] is False
    assert environ["wsgi.input_terminated"] is True
    assert {"wsgi.input", "wsgi.errors", "wsgi.file_wrapper"} <= environ.keys()


def test_without_a_query_it_is_empty_and_there(server):
    assert environ_for(server, "/")["QUERY_STRING"] == ""
    assert environ_for(server, "/?")["QUERY_STRING"] == ""


def test_every_cgi_variable_is_a_string(server):
    environ = environ_for(server, "/", [("X-A", "b"), ("Content-Type", "text/x")], "POST", b"abc")
    assert {key: value for key, value in environ.items() if "." not in key and type(value) is not str} == {}


def test_the_process_environment_stays_outside(server):
    """Neither secrets nor anything that a client could be thought to have sent."""
    environ = environ_for(server)
    assert not {"DATABASE_PASSWORD", "HTTP_X_LEAK", "PATH", "HOME", "REMOTE_USER"} & environ.keys()
    assert "secret of the process" not in environ.values()


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "X-OWN", "get"])
def test_the_method_is_passed_as_it_is(server, method):
    """Methods are case-sensitive and not a closed list (RFC 9110 §9.1)."""
    assert environ_for(server, "/", method=method)["REQUEST_METHOD"] == method


@pytest.mark.parametrize(
    ("target", "path_info", "query"),
    [
        ("/%C3%A9", "/\xc3\xa9", ""),
        ("/%E9", "/\xe9", ""),
        ("/a%20b", "/a b", ""),
        ("/a+b", "/a+b", ""),
        ("/a%2Fb", "/a/b", ""),
        ("/a%3Fb?c", "/a?b", "c"),
        ("/%25", "/%", ""),
        ("/%2525", "/%25", ""),
        ("//double//slash/", "//double//slash/", ""),
        ("/semi;colon=1", "/semi;colon=1", ""),
        ("/a/../b/./c", "/a/../b/./c", ""),
        ("/?a=%20b&c=+&d", "/", "a=%20b&c=+&d"),
        ("/?a?b", "/", "a?b"),
        ("/?a/../b", "/", "a/../b"),
        ("/?%C3%A9", "/", "%C3%A9"),
        ("/x?http://other.example/?y", "/x", "http://other.example/?y"),
    ],
)
def test_path_and_query(server, target, path_info, query):
    """PATH_INFO is decoded once and carries bytes as latin-1; the query stays raw; nothing is normalised, as peers do,
    because only the application knows what its paths mean."""
    environ = environ_for(server, target)
    assert (environ["PATH_INFO"], environ["QUERY_STRING"]) == (path_info, query)


def test_a_path_of_every_byte(server):
    path = "".join(f"%{i:02x}" for i in range(1, 256))
    assert environ_for(server, "/" + path)["PATH_INFO"] == "/" + bytes(range(1, 256)).decode("latin-1")


# Header fields


def test_fields_become_http_variables(server):
    environ = environ_for(server, "/", [("X-Some-Thing", "Value"), ("accept", "*/*"), ("X-EMPTY", "")])
    assert environ["HTTP_X_SOME_THING"] == "Value"
    assert environ["HTTP_ACCEPT"] == "*/*"
    assert environ["HTTP_X_EMPTY"] == ""
    assert environ["HTTP_HOST"] == "test.example"


def test_values_are_latin_1_and_stripped(server):
    with server.client() as client:
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\nX-Bytes: \xc3\xa9\xff\r\nX-Space: \t  a  b \t \r\nX-None:c\r\n\r\n")
        environ = environ_of(client.response())
    assert environ["HTTP_X_BYTES"] == "\xc3\xa9\xff"
    assert environ["HTTP_X_SPACE"] == "a  b"
    assert environ["HTTP_X_NONE"] == "c"


def test_content_type_and_length_have_their_own_keys(server):
    environ = environ_for(server, "/", [("Content-Type", "text/x; charset=y")], "POST", b"12345")
    assert environ["CONTENT_TYPE"] == "text/x; charset=y"
    assert environ["CONTENT_LENGTH"] == "5"
    assert not {"HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH"} & environ.keys()


def test_without_a_body_there_is_no_length(server):
    environ = environ_for(server)
    assert environ.get("CONTENT_LENGTH", "") == ""
    assert environ.get("CONTENT_TYPE", "") == ""


def test_an_empty_body_has_a_length_of_zero(server):
    assert environ_for(server, "/", [], "POST", b"")["CONTENT_LENGTH"] == "0"


def test_invented_fields_cost_nobody_anything(server):
    """More names than a worker remembers: those that come after them are still seen, and joined, in any spelling."""
    with server.client() as client:
        for part in range(9):
            fields = [(f"X-Invented-{part}-{number}", "v") for number in range(90)]
            environ = environ_of(
                client.request("POST", "/", [*fields, ("cONTENT-tYPE", "text/x"), ("x-a", "1"), ("X-A", "2")], b"b")
            )
            assert environ["CONTENT_TYPE"] == "text/x"
            assert environ["HTTP_X_A"] == "1, 2"
            assert environ[f"HTTP_X_INVENTED_{part}_89"] == "v"


def test_repeated_fields_are_joined_in_order(server):
    """RFC 9110 §5.3."""
    environ = environ_for(server, "/", [("X-List", "a"), ("X-Other", "o"), ("x-list", "b, c"), ("X-List", "")])
    assert [v.strip() for v in environ["HTTP_X_LIST"].split(",")] == ["a", "b", "c", ""]
    assert environ["HTTP_X_OTHER"] == "o"


def test_cookies_are_joined_as_cookies(server):
    """RFC 6265 §5.4 and RFC 9113 §8.2.3: a comma would belong to a cookie's value."""
    assert environ_for(server, "/", [("Cookie", "a=1; b=2"), ("Cookie", "c=3")])["HTTP_COOKIE"] == "a=1; b=2; c=3"


def test_proxy_never_becomes_http_proxy(server):
    """httpoxy: libraries take HTTP_PROXY for the operator's setting."""
    environ = environ_for(server, "/", [("Proxy", "http://evil.example"), ("pROXY", "again"), ("X-Proxy", "fine")])
    assert "HTTP_PROXY" not in environ
    assert environ["HTTP_X_PROXY"] == "fine"


def test_underscores_cannot_pose_as_hyphens(server):
    """A front server strips `X-Forwarded-User` from clients, but not `X_Forwarded_User`; both have the same key."""
    response = server.get("/", [("X_Forwarded_User", "evil"), ("X-Forwarded_User", "evil"), ("Content_Length", "5")])
    if response.status == 200:
        environ = environ_of(response)
        assert "evil" not in environ.values()
        assert environ.get("CONTENT_LENGTH", "") == ""
        assert "HTTP_CONTENT_LENGTH" not in environ
    else:
        assert response.status == 400


def test_a_true_field_beside_one_with_underscore(server):
    response = server.get("/", [("X-User", "true"), ("X_User", "evil")])
    if response.status == 200:
        assert environ_of(response)["HTTP_X_USER"] == "true"
    else:
        assert response.status == 400


def test_remote_user_is_not_the_clients_to_say(server):
    environ = environ_for(server, "/", [("Remote-User", "evil"), ("Authorization", "Basic YTpi")])
    assert not {"REMOTE_USER", "AUTH_TYPE"} & environ.keys()
    assert environ["HTTP_AUTHORIZATION"] == "Basic YTpi"


def test_forwarded_headers_of_anybody_change_nothing(server):
    """Trust must be explicit (design): without it they are only fields."""
    fields = [("X-Forwarded-For", "192.0.2.1"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "evil.example")]
    environ = environ_for(server, "/", fields)
    assert environ["REMOTE_ADDR"] == "127.0.0.1"
    assert environ["wsgi.url_scheme"] == "http"
    assert environ.get("HTTPS", "off") in ("off", "")
    assert environ["HTTP_HOST"] == "test.example"
    assert environ["HTTP_X_FORWARDED_FOR"] == "192.0.2.1"


# Where the request came from and went to


def test_the_url_can_be_reconstructed(server):
    """PEP 3333, "URL Reconstruction"."""
    response = server.get("/a%20b/c?d=e", [("Host", f"127.0.0.1:{server.port}")])
    assert json.loads(response.body)["uri"] == f"http://127.0.0.1:{server.port}/a%20b/c?d=e"


def test_absolute_form_overrides_host(server):
    """RFC 9112 §3.2.2: the recipient ignores the Host field and takes the target's."""
    response = server.get("http://other.example:81/x/y?z=1", [("Host", "test.example")])
    environ = environ_of(response)
    assert environ["HTTP_HOST"] == "other.example:81"
    assert (environ["PATH_INFO"], environ["QUERY_STRING"]) == ("/x/y", "z=1")
    assert json.loads(response.body)["uri"] == "http://other.example:81/x/y?z=1"


def test_absolute_form_without_path(server):
    """An empty path is `/` (RFC 9110 §4.2.3)."""
    environ = environ_for(server, "http://other.example?q", [("Host", "other.example")])
    assert (environ["PATH_INFO"], environ["QUERY_STRING"]) == ("/", "q")


def test_absolute_form_does_not_choose_the_scheme(server):
    """The connection is not encrypted, whatever the target claims."""
    response = server.get("https://other.example/", [("Host", "other.example")])
    if response.status == 200:
        assert environ_of(response)["wsgi.url_scheme"] == "http"
    else:
        assert response.status in (400, 421)


def test_http_1_0_without_host(server):
    with server.client() as client:
        client.send(b"GET / HTTP/1.0\r\n\r\n")
        environ = environ_of(client.response())
    assert environ["SERVER_PROTOCOL"] == "HTTP/1.0"
    assert "HTTP_HOST" not in environ
    assert environ["SERVER_NAME"]
    assert environ["SERVER_PORT"] == str(server.port)


def test_the_peers_port(server):
    with server.client() as client:
        environ = environ_of(client.request())
        assert environ["REMOTE_PORT"] == str(client.sock.getsockname()[1])


def test_a_unix_socket_has_no_empty_server_name(tmp_path):
    """PEP 3333: SERVER_NAME and SERVER_PORT can never be empty."""
    with Server("environs:validated", "--bind", f"http+unix:{tmp_path}/s", cwd=APPS) as server:
        environ = environ_of(server.get())
        assert environ["SERVER_NAME"]
        assert environ["SERVER_PORT"].isdigit()
        with server.client() as client:
            client.send(b"GET / HTTP/1.0\r\n\r\n")
            assert environ_of(client.response())["SERVER_NAME"]


def test_ipv6(tmp_path):
    with Server("environs:validated", "--bind", "http://[::1]:0", cwd=APPS) as server:
        environ = environ_of(server.get())
        assert environ["REMOTE_ADDR"] == "::1"
        assert environ["SERVER_PORT"] == str(server.port)


# Whose it is


def test_changes_do_not_reach_the_next_request():
    with Server("environs:writing", "--threads", "1", cwd=APPS) as server, server.client() as client:
        before = environ_of(client.request(target="/look"))
        assert client.request("GET", "/spoil").status == 200
        after = environ_of(client.request(target="/look"))
        assert after == before


def test_a_field_of_one_request_is_not_in_the_next(server):
    with server.client() as client:
        assert environ_of(client.request(fields=[("X-Once", "1")]))["HTTP_X_ONCE"] == "1"
        assert "HTTP_X_ONCE" not in environ_of(client.request())
        client.send(request_bytes(fields=[("X-Once", "1")], body=b"abc") + request_bytes())
        assert "HTTP_X_ONCE" in environ_of(client.response())
        environ = environ_of(client.response())
        assert "HTTP_X_ONCE" not in environ
        assert environ.get("CONTENT_LENGTH", "") == ""


# Flags


@pytest.mark.parametrize(
    ("workers", "threads", "multiprocess", "multithread"),
    [("1", "1", False, False), ("1", "4", False, True), ("2", "1", True, False), ("2", "4", True, True)],
)
def test_multithread_and_multiprocess_tell_the_truth(workers, threads, multiprocess, multithread):
    """Quixote refuses multithread, Paste's evalexception refuses multiprocess: a careless True breaks them."""
    with Server("environs", "--workers", workers, "--threads", threads, cwd=APPS) as server:
        environ = environ_for(server)
        assert environ["wsgi.multiprocess"] is multiprocess
        assert environ["wsgi.multithread"] is multithread


def test_by_default_one_process_with_threads(server):
    environ = environ_for(server)
    assert environ["wsgi.multithread"] is True
    assert environ["wsgi.multiprocess"] is False


# Mounts


@pytest.fixture(scope="module")
def mounts():
    arguments = ["--mount", "/app=environs:mounted", "--mount", "/app/deep=environs:deeper"]
    with Server("environs", *arguments, cwd=APPS) as server:
        yield server


@pytest.mark.parametrize(
    ("target", "application", "script_name", "path_info"),
    [
        ("/", "root", "", "/"),
        ("/app", "mounted", "/app", ""),
        ("/app/", "mounted", "/app", "/"),
        ("/app/x/y", "mounted", "/app", "/x/y"),
        ("/app?q", "mounted", "/app", ""),
        ("/app//x", "mounted", "/app", "//x"),
        ("/apple", "root", "", "/apple"),
        ("/app.html", "root", "", "/app.html"),
        ("/app;x", "root", "", "/app;x"),
        ("/APP/x", "root", "", "/APP/x"),
        ("/x/app", "root", "", "/x/app"),
        ("//app", "root", "", "//app"),
        ("/app/deep", "deeper", "/app/deep", ""),
        ("/app/deep/x", "deeper", "/app/deep", "/x"),
        ("/app/deeper", "mounted", "/app", "/deeper"),
        ("http://a.example/app/x", "mounted", "/app", "/x"),
    ],
)
def test_a_mount_takes_its_path_and_what_is_below(mounts, target, application, script_name, path_info):
    result = json.loads(mounts.get(target).body)
    environ = result["environ"]
    assert result["application"] == application
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == (script_name, path_info)


@pytest.mark.parametrize("target", ["/%61pp/x", "/app%2Fx", "/ap%70", "/%2Fapp"])
def test_an_encoded_path_is_the_same_path(mounts, target):
    """Whichever application answers: SCRIPT_NAME + PATH_INFO is the decoded path, and a mount cannot be walked around
    by writing a letter as `%61`."""
    result = json.loads(mounts.get(target).body)
    environ = result["environ"]
    assert environ["SCRIPT_NAME"] + environ["PATH_INFO"] == unquote(target)
    if "2F" not in target:
        assert result["application"] == "mounted"


def test_the_url_of_a_mounted_application(mounts):
    response = mounts.get("/app/x%20y?q", [("Host", "a.example")])
    assert json.loads(response.body)["uri"] == "http://a.example/app/x%20y?q"


@pytest.mark.parametrize("mount", ["/app/=environs:mounted", "/app=environs:mounted"])
def test_a_trailing_slash_of_a_mount_means_nothing(mount):
    with Server("environs", "--mount", mount, cwd=APPS) as server:
        assert json.loads(server.get("/app").body)["environ"]["SCRIPT_NAME"] == "/app"
        assert json.loads(server.get("/app/x").body)["environ"]["PATH_INFO"] == "/x"
        assert json.loads(server.get("/apple").body)["application"] == "root"
