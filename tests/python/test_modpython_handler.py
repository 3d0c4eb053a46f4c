"""handler:MODULE_OR_FILE[:function]: the request object, what a handler may return, cookies, files, internal redirects."""

from __future__ import annotations

import ast
import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from server import Server

HANDLERS = Path(__file__).resolve().parents[1] / "apps_modpython" / "handlers"
NAMES = ("hello", "error_pages", "echo", "results", "sendfile", "redirects", "cookies", "conditions", "template")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    mounts = [f"--mount=/{name}=handler:{HANDLERS / name}.py" for name in NAMES]
    with Server(mounts[0], *mounts[1:]) as server:
        yield server


def facts(server: Server, *request: object) -> dict[str, object]:
    response = server.request(*request)  # type: ignore[arg-type]
    assert response.status == 200
    pairs = (line.partition(": ") for line in response.text.splitlines())
    return {name: ast.literal_eval(value) for name, _, value in pairs}


def test_hello_world(server: Server) -> None:
    response = server.request(target="/hello/any/path.html")
    assert (response.status, response["Content-Type"], response.text) == (200, "text/plain", "Hello World!")


def test_a_template(server: Server) -> None:
    assert "<h1>Hello, world!</h1>" in server.request(target="/template/").text


def test_what_a_request_says(server: Server) -> None:
    credentials = base64.b64encode(b"user:pass:word").decode()
    fields = [("Host", "h.test:81"), ("accept", "text/x"), ("X-Field", "1"), ("Authorization", f"Basic {credentials}")]
    found = facts(server, "POST", "/echo/a%20b?c=%20d", fields, b"one\r\ntwo\nthree")
    expected = {
        "method": "POST",
        "method_number": 2,
        "uri": "/echo/a b",
        "unparsed_uri": "/echo/a%20b?c=%20d",
        "args": "c=%20d",
        "the_request": "POST /echo/a%20b?c=%20d HTTP/1.1",
        "protocol": "HTTP/1.1",
        "proto_num": 1001,
        "hostname": "h.test",
        "accept": "text/x",
        "has": True,
        "is_https": 0,
        "remote_ip": "127.0.0.1",
        "remote_host": "127.0.0.1",
        "user": "user",
        "password": "pass:word",
        "parsed_path": "/echo/a b",
        "parsed_query": "c=%20d",
        "query_string": "c=%20d",
        "request_method": "POST",
        "construct_url": "http://h.test:81/a?b",
        "body": b"one\r\n",
        "lines": [b"two\n", b"three"],
        "read_length": 14,
        "status": 200,
        "phase": "PythonHandler",
    }
    assert {name: found[name] for name in expected} == expected
    assert facts(server, "GET", "/echo/x")["args"] is None
    assert facts(server, "GET", "/echo/x?")["args"] == ""


@pytest.mark.parametrize(
    ("what", "status", "body"),
    [
        ("done", 200, "done"),
        ("raised", 409, None),
        ("raised_ok", 200, "fine"),
        ("two", 201, "with a status"),
        ("no_content", 204, ""),
        ("length", 200, "four"),
        ("teapot", 418, None),
        ("declined", 404, None),
        ("none", 500, None),
        ("", 404, None),
    ],
)
def test_what_a_handler_gives_is_the_answer(server: Server, what: str, status: int, body: str | None) -> None:
    response = server.request(target=f"/results/x?{what}")
    assert response.status == status
    assert body is None or response.text == body


def test_fields_of_answers_and_of_errors(server: Server) -> None:
    location = server.request(target="/results/x?location")
    assert (location.status, location["Location"]) == (302, "/there")
    assert server.request(target="/results/x?not_allowed")["Allow"] == "POST, PUT"
    assert server.request(target="/results/x?unauthorized")["WWW-Authenticate"] == 'Basic realm="r"'
    cookies = server.request(target="/results/x?cookies")
    assert (cookies.all("Set-Cookie"), cookies["X-Both"]) == (["a=1", "b=2"], "1")
    assert server.request(target="/results/x?header_type")["Content-Type"] == "text/x-own"


def test_a_page_of_the_handlers_own_for_what_is_not_found(server: Server) -> None:
    own = server.request(target="/error_pages/handler-error.html")
    assert (own.status, own.text) == (404, "Page not here.  Page left, not know where gone.")
    assert "left" not in server.request(target="/error_pages/apache-error.html").text


def test_conditions(server: Server) -> None:
    def status(*fields: tuple[str, str]) -> int:
        return server.request(target="/conditions/", fields=fields).status

    assert status() == 200
    assert status(("If-None-Match", '"1130794f-3774-4584-a4ea-0ab19e684268"')) == 304
    assert status(("If-None-Match", 'W/"1130794f-3774-4584-a4ea-0ab19e684268", "x"')) == 304
    assert status(("If-None-Match", '"x"'), ("If-Modified-Since", "Sun, 09 Sep 2001 01:46:40 GMT")) == 200
    assert status(("If-Modified-Since", "Sun, 09 Sep 2001 01:46:40 GMT")) == 304
    assert status(("If-Modified-Since", "Sun, 09 Sep 2001 01:46:39 GMT")) == 200
    assert status(("If-Modified-Since", "never")) == 200
    assert status(("If-Match", '"x"')) == 412
    assert status(("If-Unmodified-Since", "Sun, 09 Sep 2001 01:46:39 GMT")) == 412


def test_files(server: Server) -> None:
    text = (HANDLERS / "template.html").read_text()
    whole = server.request(target="/sendfile/")
    assert (whole.text, whole["Content-Length"]) == (text, str(len(text)))
    assert server.request(target="/sendfile/?part").text == text[2:7] + " sent 5"
    assert server.request(target="/sendfile/?between").text == "before " + text[:6] + " after"
    assert server.request(target="/sendfile/?flushed").text == "flushed " + text[:6]
    assert server.request(target="/sendfile/?absent").text == "IOError"


def test_a_part_of_a_file_is_sent_with_its_length(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(bytes(range(256)) * 4096)
    (tmp_path / "h.py").write_text(
        "from mod_python import apache\n"
        "def handler(req):\n"
        "    req.write('head ', 0)\n"
        "    offset, length = (int(n) for n in req.args.split(','))\n"
        "    req.sendfile(req.document_root() + '/data', offset, length)\n"
        "    return apache.OK\n"
    )
    with Server(f"handler:{tmp_path}/h.py") as server:
        data = (tmp_path / "data").read_bytes()
        for offset, length in ((0, -1), (100, -1), (100, 1000), (1_000_000, 100_000_000), (0, 0), (2_000_000, 5)):
            response = server.request(target=f"/?{offset},{length}")
            expected = b"head " + (data[offset:] if length < 0 else data[offset : offset + length])
            assert response.body == expected
            assert response["Content-Length"] == str(len(expected))


def test_an_internal_redirect_is_answered_by_the_same_target(server: Server) -> None:
    assert server.request(target="/redirects/first").text == "second, args x=y, from first"


def test_internal_redirects_that_do_not_end_are_ended(tmp_path: Path) -> None:
    (tmp_path / "h.py").write_text("def handler(req):\n    req.internal_redirect('/again')\n    return 0\n")
    with Server(f"handler:{tmp_path}/h.py") as server:
        assert server.request().status == 500
        server.wait_for_log("more than 10 internal redirects")


def test_a_signed_cookie_comes_back_and_a_changed_one_does_not(server: Server) -> None:
    first = server.request(target="/cookies/")
    assert (first.text, first["Cache-Control"]) == ("set\n", 'no-cache="set-cookie"')
    cookie = first["Set-Cookie"]
    back = server.request(target="/cookies/", fields=[("Cookie", f"other=1; {cookie}")])
    assert back.text == "spam={'egg_count': 32, 'color': 'white'}\n"
    changed = cookie[:-3] + ("A" if cookie[-3] != "A" else "B") + cookie[-2:]
    assert server.request(target="/cookies/", fields=[("Cookie", changed)]).text == "tampered\n"


def test_a_handler_is_named_in_the_ways_of_mod_python(tmp_path: Path) -> None:
    (tmp_path / "h.py").write_text(
        "from mod_python import apache\n"
        "def handler(req):\n    req.write('handler ')\n    return apache.OK\n"
        "def spam(req):\n    req.write('spam ')\n    req.add_handler('PythonHandler', 'h::last')\n    return apache.OK\n"
        "def last(req):\n    req.write('last')\n    return apache.OK\n"
        "class Page:\n"
        "    def __init__(self, req):\n        self.req = req\n"
        "    def show(self, req):\n        req.write('shown %s' % (self.req is req))\n        return apache.OK\n"
    )
    targets = {"a": "h", "b": "h.py", "c": "h:spam", "d": "h::spam", "e": "h.py:Page.show"}
    mounts = [f"--mount=/{path}=handler:{target}" for path, target in targets.items()]
    with Server(mounts[0], *mounts[1:], cwd=tmp_path) as server:
        answers = [server.request(target=f"/{path}/").text for path in targets]
    assert answers == ["handler ", "handler ", "spam last", "spam last", "shown True"]


def test_cleanups_and_log_handlers_run_when_the_response_is_complete(tmp_path: Path) -> None:
    (tmp_path / "h.py").write_text(
        "from mod_python import apache\n"
        "def handler(req):\n"
        "    req.register_cleanup(lambda data: req.log_error('cleaned %s %d' % (data, req.sent_bodyct)), 'up')\n"
        "    req.register_cleanup(lambda data: 1 / 0)\n"
        "    req.add_handler('PythonLogHandler', 'h::loghandler')\n"
        "    if req.args == 'fail':\n        raise ValueError('failed')\n"
        "    req.write('twelve bytes', 0)\n"
        "    return apache.OK\n"
        "def loghandler(req):\n    req.log_error('logged', apache.APLOG_NOTICE)\n    return apache.OK\n"
    )
    with Server(f"handler:{tmp_path}/h.py") as server:
        assert server.request().text == "twelve bytes"
        assert " ERROR " in server.wait_for_log("[error] cleaned up 12")
        assert " INFO " in server.wait_for_log("[notice] logged")
        server.wait_for_log("a cleanup of GET / HTTP/1.1 failed")
        assert server.request(target="/?fail").status == 500
        server.wait_for_log("[error] cleaned up 0")


def test_output_is_on_its_way_when_it_is_flushed(tmp_path: Path) -> None:
    (tmp_path / "h.py").write_text(
        "from mod_python import apache\n"
        "def handler(req):\n"
        "    req.write('first')\n"
        "    req.headers_out['X-Late'] = '1'\n"
        "    assert req.read() == b'go'\n"
        "    req.write('second')\n"
        "    return apache.OK\n"
    )
    with Server(f"handler:{tmp_path}/h.py") as server:
        response = server.request("POST", "/", (), b"go")
        assert response.framing == "chunked"
        assert (response.text, "X-Late" in response) == ("firstsecond", False)


def test_options_of_the_command_line_are_the_options_of_requests(tmp_path: Path) -> None:
    (tmp_path / "h.py").write_text(
        "from mod_python import apache\n"
        "def handler(req):\n"
        "    req.write('%s %s' % (req.get_options()['COLOUR'], req.get_config()['PythonDebug']))\n"
        "    return apache.OK\n"
    )
    with Server(f"handler:{tmp_path}/h.py", "--python-option=colour=blue=green", "--debug") as server:
        assert server.request().text == "blue=green 1"


def test_an_application_finds_mod_python_and_nothing_else_does(tmp_path: Path) -> None:
    (tmp_path / "wsgi.py").write_text(
        "import sys\ndef application(e, s):\n    s('200 OK', [])\n    return [str('mod_python' in sys.modules).encode()]\n"
    )
    with Server("wsgi", cwd=tmp_path) as server:
        assert server.request().text == "False"
