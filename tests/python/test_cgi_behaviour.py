"""The same CGI programs on Millau, Apache and lighttpd, side by side.

Millau answers as RFC 3875 says, whether a program is executed or forked from a warm interpreter, and in whatever language it
is. Where the other two answer otherwise, that is in `DIFFERENCES`, and in COMPATIBILITY.md; a difference that is not there,
or that is gone, fails.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import web_servers_cgi
from cgi_programs import LANGUAGES, Programs
from client import BrokenResponse, MalformedResponse

TEXT = {"content-type": "text/plain"}
FAILED = (500, {}, "")

EXPECTED: dict[str, tuple[int, dict[str, str], str]] = {
    "document": (200, TEXT, "document\n"),
    "crlf": (200, TEXT, "document\n"),
    "status": (404, TEXT, "missing\n"),
    "status-only": (204, {}, ""),
    "local": (200, TEXT, "document\n"),
    "local-loop": FAILED,
    "local-cookie": (302, {"location": "/cgi-bin/program/document", "set-cookie": "a=1"}, ""),
    "client": (302, {"location": "http://example.org/there"}, ""),
    "client-document": (303, TEXT | {"location": "http://example.org/"}, "go there\n"),
    "fields": (200, TEXT | {"set-cookie": "a=1|b=2", "x-twice": "1|2"}, "fields\n"),
    "length": (200, TEXT, "12345"),
    "empty": FAILED,
    "no-blank": FAILED,
    "no-colon": FAILED,
    "no-type": FAILED,
    "bad-status": FAILED,
    "split": FAILED,
    "echo": (200, TEXT, "100000 12000000\n"),
    "error": (200, TEXT, "survived\n"),
    "exit": (200, TEXT, "then it ends with 3\n"),
}

DIFFERENCES: dict[tuple[str, str], tuple[int, dict[str, str], str] | str] = {
    # lighttpd makes every Location a redirect for the client, unless cgi.local-redir is on.
    ("local", "lighttpd"): (302, {"location": "/cgi-bin/program/document?from=local"}, ""),
    ("local-loop", "lighttpd"): (302, {"location": "/cgi-bin/program/local-loop"}, ""),
    # Apache makes a local redirect whatever else is in the header.
    ("local-cookie", "apache"): (200, TEXT | {"set-cookie": "a=1"}, "document\n"),
    # Apache writes a page for a redirect that has none.
    ("client", "apache"): (
        302,
        {"location": "http://example.org/there", "content-type": "text/html; charset=iso-8859-1"},
        "<page>",
    ),
    ("fields", "apache"): (200, TEXT | {"set-cookie": "a=1|b=2", "x-twice": "1, 2"}, "fields\n"),
    # lighttpd takes output without a header for a body, and a body without a type for a document; Apache the latter.
    ("no-blank", "lighttpd"): (200, {}, "Content-Type: text/plain\n"),
    ("no-colon", "lighttpd"): (200, {}, "hello\n\nworld\n"),
    ("no-type", "lighttpd"): (200, {"x-field": "1"}, "body\n"),
    ("no-type", "apache"): (200, {"x-field": "1"}, "body\n"),
    ("bad-status", "lighttpd"): (502, {}, ""),
    # lighttpd passes a lone CR on; Apache takes it out.
    ("split", "lighttpd"): "malformed",
    ("split", "apache"): (200, TEXT | {"x-field": "aSet-Cookie: b=1"}, "x\n"),
}

BY_LUCK = {("no-blank", "lighttpd")}
"""Where an answer of another server depends on how its reads happen to fall."""

VARIABLES = [
    "CONTENT_LENGTH",
    "CONTENT_TYPE",
    "DOCUMENT_ROOT",
    "GATEWAY_INTERFACE",
    "HTTP_COOKIE",
    "HTTP_HOST",
    "HTTP_X_A",
    "LANG",
    "MILLAU_TEST",
    "PATH",
    "PATH_INFO",
    "PATH_TRANSLATED",
    "QUERY_STRING",
    "REDIRECT_STATUS",
    "REMOTE_ADDR",
    "REMOTE_PORT",
    "REQUEST_METHOD",
    "REQUEST_SCHEME",
    "REQUEST_URI",
    "SCRIPT_FILENAME",
    "SCRIPT_NAME",
    "SERVER_NAME",
    "SERVER_PORT",
    "SERVER_PROTOCOL",
    "SERVER_SOFTWARE",
]

OF_THE_SERVER = {"date", "server", "connection", "content-length", "transfer-encoding", "accept-ranges", "keep-alive"}


@pytest.fixture(scope="module")
def programs() -> Iterator[Programs]:
    with Programs() as programs:
        programs.install()
        yield programs


@pytest.fixture(scope="module")
def servers(programs: Programs) -> Iterator[dict[str, object]]:
    with contextlib.ExitStack() as stack:
        running = {
            "exec": stack.enter_context(programs.serve("--cgi-mode", "exec", env={"LANG": "C.UTF-8"})),
            "warm": stack.enter_context(programs.serve("--cgi-mode", "warm", env={"LANG": "C.UTF-8"})),
        }
        absent = web_servers_cgi.missing()
        if "apache2" not in absent:
            running["apache"] = stack.enter_context(web_servers_cgi.apache(programs.path, programs.folder))
        if "lighttpd" not in absent:
            running["lighttpd"] = stack.enter_context(web_servers_cgi.lighttpd(programs.path, programs.folder))
        yield running


def observed(server, language: str, action: str) -> tuple[int, dict[str, str], str] | str:
    """What a client sees of an answer, without what every server says in its own words."""
    method, body = ("POST", b"x" * 100_000) if action == "echo" else ("GET", None)
    try:
        response = server.request(method, f"/cgi-bin/program.{language}/{action}", (), body)
    except (MalformedResponse, BrokenResponse):
        return "malformed"
    if response.status >= 500:
        return (response.status, {}, "")
    fields: dict[str, str] = {}
    for name, value in response.fields:
        if (key := name.lower()) not in OF_THE_SERVER:
            value = value.replace(f"program.{language}", "program")
            fields[key] = f"{fields[key]}|{value}" if key in fields else value
    text = "<page>" if "<html>" in response.text else response.text
    return (response.status, fields, text)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("action", EXPECTED)
def test_each_server_answers_as_the_table_says(servers, action, language):
    for name, server in servers.items():
        expected = DIFFERENCES.get((action, name), EXPECTED[action])
        if (action, name) not in BY_LUCK:
            assert observed(server, language, action) == expected, name


@pytest.mark.parametrize("mode", ["exec", "warm"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_environment_is_the_request_and_nothing_else(servers, programs, mode, language):
    fields = [
        ("X-A", "1"),
        ("X_U", "2"),
        ("Proxy", "http://evil"),
        ("Authorization", "Basic eDp5"),
        ("Content-Type", "text/plain"),
        ("Cookie", "a=1"),
        ("Cookie", "b=2"),
    ]
    target = f"/cgi-bin/program.{language}/environ/x%20y?a=b"
    answer = servers[mode].request("POST", target, fields, b"abc")
    environment = dict(line.split("=", 1) for line in answer.text.splitlines())
    assert sorted(environment.keys() - {"PWD", "SHLVL", "OLDPWD", "_"}) == VARIABLES
    script = f"{programs.path}/program.{language}"
    expected = {
        "CONTENT_LENGTH": "3",
        "HTTP_COOKIE": "a=1; b=2",
        "PATH_INFO": "/environ/x y",
        "PATH_TRANSLATED": f"{programs.path}/environ/x y",
        "QUERY_STRING": "a=b",
        "REQUEST_URI": target,
        "SCRIPT_FILENAME": script,
        "SCRIPT_NAME": f"/cgi-bin/program.{language}",
    }
    assert {name: environment[name] for name in expected} == expected


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_program_runs_in_its_own_directory(servers, programs, language):
    for name, server in servers.items():
        assert server.request("GET", f"/cgi-bin/program.{language}/directory").text == f"{programs.path}\n", name


@pytest.mark.parametrize("language", LANGUAGES)
def test_head_has_the_fields_of_get_and_no_body(servers, language):
    for name, server in servers.items():
        response = server.request("HEAD", f"/cgi-bin/program.{language}/length")
        assert (response.status, response["content-type"], response.body) == (200, "text/plain", b""), name


@pytest.mark.parametrize("mode", ["exec", "warm"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_chunked_body_has_a_length(servers, mode, language):
    with servers[mode].client() as client:
        head = f"POST /cgi-bin/program.{language}/echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        client.send(head.encode() + b"3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n")
        assert client.response().text == "7 700\n"


def test_a_program_may_work_on_behind_its_response(servers, programs):
    """lighttpd ends it as soon as its Content-Length is reached."""
    programs.python(
        "works_on.py",
        """
        import atexit, os, time

        mark = os.path.join("marks", os.environ["QUERY_STRING"])
        atexit.register(lambda: open(mark, "w").close())
        print("Content-Type: text/plain\\nContent-Length: 4\\n\\ndone", end="", flush=True)
        time.sleep(0.3)
        """,
    )
    marks = programs.path / "marks"
    marks.mkdir()
    marks.chmod(0o777)
    for name, server in servers.items():
        assert server.request("GET", f"/cgi-bin/works_on.py?{name}").text == "done"
        deadline = time.monotonic() + (1 if name == "lighttpd" else 20)
        while not (marks / name).exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        assert (marks / name).exists() == (name != "lighttpd"), name


def test_the_differences_are_in_the_documentation():
    page = (Path(__file__).resolve().parents[2] / "COMPATIBILITY.md").read_text()
    section = page.partition("## CGI programs")[2].partition("\n## ")[0]
    assert {action for action, _ in DIFFERENCES if f"`{action}`" not in section} == set()


@pytest.mark.parametrize("mode", ["exec", "warm"])
def test_fields_that_are_the_server_s_are_left_out(servers, programs, mode):
    fields = [
        "Keep-Alive: timeout=5",
        "Upgrade: h2c",
        "Trailer: X",
        "Proxy-Connection: close",
        "Transfer-Encoding: identity",
    ]
    programs.python("own_fields.py", f'print("Content-Type: text/plain\\n" + "\\n".join({fields!r}) + "\\n\\nbody")\n')
    answer = servers[mode].request("GET", "/cgi-bin/own_fields.py")
    assert (answer.status, answer.text) == (200, "body\n")
    names = {name.lower() for name, _ in answer.fields}
    assert not names & {"keep-alive", "upgrade", "trailer", "proxy-connection"}
    assert answer.all("Transfer-Encoding") in ([], ["chunked"])
