"""psp:DIR: pages of text with Python in it, by the manual of mod_python; its examples stand in tests/apps_modpython/pages."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from server import Server

PAGES = Path(__file__).resolve().parents[1] / "apps_modpython" / "pages"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    sessions = tmp_path_factory.mktemp("sessions")
    options = [f"--python-option=mod_python.session.database_directory={sessions}"]
    with Server(f"psp:{PAGES}", *options) as server:
        yield server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def logged(server: Server, *texts: str) -> None:
    """What is logged may be read a little later than the answer."""
    for text in texts:
        server.wait_until(lambda text=text: text in server.log(), f"the log contains {text!r}")


def change(path: Path, text: str) -> None:
    path.write_text(text)


LOOP = (
    "<html>\n"
    + "\n<p>This paragraph will be\nrepeated 3 times.</p>\n" * 3
    + "\nThis line will only be shown once.<br>\n</html>\n"
)


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("hello.psp", "<html>\n\nHello world, the year is: 1970\n</html>\n"),
        ("loop.psp", LOOP),
        ("colon.psp", LOOP),
        ("branches.psp", "missing\none two 2 \"quoted\" \\n 'text'\ttab\n\n"),
        ("branches.psp?given=1", "given\none two 2 \"quoted\" \\n 'text'\ttab\n\n"),
        ("includes.psp", "<title>from outside</title>\n\nafter from inside\n"),
        ("with_error_page.psp", "before\nfailed: ZeroDivisionError\n"),
        ("apply.psp?name=Anna&other=x", "Hello, Anna (True)\n"),
        ("hello.psp/more", "<html>\n\nHello world, the year is: 1970\n</html>\n"),
    ],
)
def test_a_page_shows_its_text_and_what_its_code_gives(server: Server, page: str, text: str) -> None:
    response = server.request(target=f"/{page}")
    assert (response.status, response.text) == (200, text)
    assert response["Content-Type"] == "text/html"


@pytest.mark.parametrize("target", ["/missing.psp", "/part.inc", "/failing.inc", "/", "/hello.psp_", "/.hello.psp"])
def test_nothing_but_pages_is_served(server: Server, target: str) -> None:
    assert server.request(target=target).status == 404


def test_a_redirect_ends_the_page(server: Server) -> None:
    response = server.request(target="/redirect.psp")
    assert (response.status, response["Location"]) == (302, "http://www.modpython.org")


def test_a_session_goes_on_with_its_cookie(server: Server) -> None:
    first = server.request(target="/counter.psp")
    assert first.text == "hits: 1\n"
    cookie = first["Set-Cookie"].partition(";")[0]
    assert server.request(target="/counter.psp", fields=[("Cookie", cookie)]).text == "hits: 2\n"
    assert server.request(target="/counter.psp").text == "hits: 1\n"


def test_an_error_names_the_line_of_the_page(server: Server) -> None:
    response = server.request(target="/fails.psp")
    assert response.status == 500
    logged(
        server,
        f'File "{PAGES}/fails.psp", line 7, in <module>\n      <%= inner(0) %>\n',
        f'File "{PAGES}/fails.psp", line 4, in inner\n      return 1 / value\n',
    )


def test_an_error_in_an_included_file_names_that_file(server: Server) -> None:
    assert server.request(target="/fails_inside.psp").status == 500
    logged(
        server,
        f'File "{PAGES}/failing.inc", line 4, in <module>\n      raise ValueError("from the included file")\n',
    )


def test_a_page_that_is_no_python_is_named_with_its_line(server: Server) -> None:
    assert server.request(target="/broken.psp").status == 500
    logged(
        server,
        f'File "{PAGES}/broken.psp", line 3\n',
        "SyntaxError: '(' was never closed",
    )


@pytest.mark.parametrize(
    ("page", "message", "line"),
    [
        ("a\nb<% x", "what begins here is not ended: '%>' is missing", 2),
        ("a\n<%= %>", "there is no expression", 2),
        ("<%@ page %>", "unknown directive", 1),
        ("\n\n<%@ include file='x' %>", "unknown directive", 3),
        ('\n<%@ include file="x" %>', "cannot include 'x': FileNotFoundError", 2),
        ('\n<%@ include file="index.psp" %>', "too many includes", 2),
        ("<% for x in y: %>", "must begin on a line of its own", 1),
        ("<p>\n<%= x y %>", "invalid syntax", 2),
        ("<%\nbreak\n%>", "'break' outside loop", 2),
        ("<%\nfor x in y:\n  z = 1\n    z = 2\n%>", "unexpected indent", 4),
    ],
)
def test_what_is_wrong_with_a_page_is_said_with_its_line(folder: Path, page: str, message: str, line: int) -> None:
    change(folder / "index.psp", page)
    with Server(f"psp:{folder}") as server:
        assert server.request().status == 500
        logged(
            server,
            message,
            f'File "{folder}/index.psp", line {line}\n',
        )


def test_a_changed_page_is_seen_at_the_next_request(folder: Path) -> None:
    change(folder / "index.psp", '<%@ include file="part" %> <% import helper %><%= helper.value %>')
    change(folder / "part", "one")
    change(folder / "helper.py", "value = 1\n")
    with Server(f"psp:{folder}") as server:
        assert server.request().text == "one 1"
        change(folder / "part", "three")
        assert server.request().text == "three 1"
        change(folder / "helper.py", "value = 10\n")
        assert server.request().text == "three 10"
        change(folder / "index.psp", "whole")
        assert server.request().text == "whole"
        # What has the same length is seen by its time.
        status = (folder / "index.psp").stat()
        change(folder / "index.psp", "other")
        os.utime(folder / "index.psp", ns=(status.st_atime_ns, status.st_mtime_ns + 1))
        assert server.request().text == "other"
        (folder / "index.psp").unlink()
        assert server.request().status == 404


def test_a_page_that_was_broken_is_mended_without_a_restart(folder: Path) -> None:
    change(folder / "index.psp", "<% x = ( %>")
    with Server(f"psp:{folder}") as server:
        assert server.request().status == 500
        change(folder / "index.psp", "<% x = 1 %><%= x %>")
        assert server.request().text == "1"


def test_the_bytes_of_a_page_are_sent_as_they_are(folder: Path) -> None:
    page = bytes(byte for byte in range(256) if byte not in b"<\r")
    (folder / "index.psp").write_bytes(b"\\d\\\\ \x85" + page)
    with Server(f"psp:{folder}") as server:
        assert server.request().body == b"\\d\\\\ \x85" + page


def test_debugging_shows_the_python_of_a_page() -> None:
    with Server(f"psp:{PAGES}", "--debug") as server:
        response = server.request(target="/hello.psp_")
        assert response.status == 200
        assert "import time" in response.text
        assert server.request(target="/part.inc_").status == 404
        page = server.request(target="/fails.psp").text
        assert "ZeroDivisionError" in page
        assert "fails.psp" in page


def test_a_template_from_a_file_and_from_a_text(folder: Path) -> None:
    change(folder / "template.html", "<h1>Hello, <%=what%>!</h1>")
    change(
        folder / "pages.py",
        "from mod_python import apache, psp\n"
        "def handler(req):\n"
        "    req.content_type = 'text/html'\n"
        "    psp.PSP(req, filename='template.html', vars={'what': 'vars'}).run()\n"
        "    psp.PSP(req, filename='template.html', vars={'what': 'vars'}).run({'what': 'world'})\n"
        "    psp.PSP(req, string='<% for_ = 1 %><%= for_ + n %>').run({'n': 1})\n"
        "    req.write(str(psp.PSP(req, string='text')))\n"
        "    req.write(psp.parsestring('a<%= b %>').replace('\\n', ' '))\n"
        "    try:\n"
        "        psp.PSP(req, filename='absent.html')\n"
        "    except apache.SERVER_RETURN as value:\n"
        "        req.write(str(value.args))\n"
        "    return apache.OK\n",
    )
    with Server(f"handler:{folder}/pages.py") as server:
        assert server.request().text == (
            '<h1>Hello, vars!</h1><h1>Hello, world!</h1>2textreq.write("a",0) req.write(str( b ),0) (404,)'
        )


def test_a_file_that_changes_right_after_it_was_included_is_included_anew(folder: Path, monkeypatch) -> None:
    from millau.mod_python import _pages

    change(folder / "index.psp", '<%@ include file="part" %>')
    change(folder / "part", "first")

    def open_and_edit(path: str, mode: str) -> io.BytesIO:
        contents = Path(path).read_bytes()
        if path.endswith("part"):
            change(Path(path), "second, and longer")
        return io.BytesIO(contents)

    with monkeypatch.context() as patch:
        patch.setattr(_pages, "open", open_and_edit, raising=False)
        page = _pages.compile_file(str(folder / "index.psp"))
    assert not page.is_fresh()
    assert _pages.compile_file(str(folder / "index.psp")).is_fresh()
