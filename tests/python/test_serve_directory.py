"""millau serve DIR: what is found in a directory is said and served, and what is ambiguous is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from server import Server, run_millau

CGI = "#!/usr/bin/env python3\nprint('Content-Type: text/plain')\nprint()\nimport os\nprint('cgi', os.environ.get('PATH_INFO', ''))\n"
SHELL = "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\nshell'\n"
WSGI = "def application(environ, start_response):\n    start_response('200 OK', [])\n    return [('wsgi ' + environ['PATH_INFO']).encode()]\n"
PUBLISHED = "def index(req):\n    return 'published'\ndef say(req, what):\n    return what\n"
HANDLER = "from mod_python import apache\ndef handler(req):\n    req.write('handler ' + req.path_info)\n    return apache.OK\n"


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        if text.startswith("#!"):
            path.chmod(0o755)
    return folder


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    return write(
        tmp_path,
        {
            "style.css": "css",
            "page.psp": "psp <%= 1 + 1 %>",
            "script.py": CGI,
            "shell.cgi": SHELL,
            "cgi-bin/plain": SHELL,
            "form.py": PUBLISHED,
            "hand.py": HANDLER,
            "helper.py": "value = 1\n",
            "data.sqlite3": "secret",
            "settings.ini": "secret",
            "notes.psp.bak": "secret",
            "closed.cgi": "secret",
            "templates/base.html": "secret",
            "package/__init__.py": "",
            "package/style.css": "secret",
            ".git/config": "secret",
            ".env": "secret",
            "sub/index.html": "sub index",
            "sub/deep/index.psp": "deep psp <%= req.uri %>",
            "sub/hand.py": HANDLER,
            "pub/index.py": PUBLISHED,
        },
    )


ANSWERS = [
    ("/style.css", "css"),
    ("/page.psp", "psp 2"),
    ("/page.psp/more", "psp 2"),
    ("/script.py", "cgi \n"),
    ("/script.py/a/b", "cgi /a/b\n"),
    ("/shell.cgi", "shell"),
    ("/cgi-bin/plain", "shell"),
    ("/form.py", "published"),
    ("/form.py/say?what=hello", "hello"),
    ("/hand.py", "handler "),
    ("/hand.py/a", "handler /a"),
    ("/sub/", "sub index"),
    ("/sub/hand.py/x", "handler /x"),
    ("/sub/deep/", "deep psp /sub/deep/index.psp"),
    ("/pub/", "published"),
]
NOT_SERVED = [
    "/helper.py",
    "/data.sqlite3",
    "/settings.ini",
    "/notes.psp.bak",
    "/closed.cgi",
    "/templates/base.html",
    "/package/style.css",
    "/package/__init__.py",
    "/.git/config",
    "/.env",
    "/sub/../.env",
    "/none",
    "/script.py.bak",
    "/script.p",
    "/cgi-bin/",
]


def test_each_file_answers_as_its_kind_does(mixed: Path) -> None:
    with Server(".", cwd=mixed) as server:
        for target, text in ANSWERS:
            response = server.request(target=target)
            assert (target, response.status, response.text) == (target, 200, text)
        for target in [*NOT_SERVED, "/"]:
            response = server.request(target=target)
            assert (target, response.status) == (target, 404)
            assert b"secret" not in response.body
        response = server.request(target="/sub?a")
        assert (response.status, response["Location"]) == (301, "/sub/?a")
        log = server.log()
    for line in (
        "2 static files: style.css, sub/index.html",
        "3 CGI programs: script.py, shell.cgi, cgi-bin/plain",
        "2 PSP pages: page.psp, sub/deep/index.psp",
        "2 publisher modules: form.py, pub/index.py",
        "2 mod_python handlers: hand.py, sub/hand.py",
        "not served: closed.cgi looks like a CGI program and is not executable (chmod +x closed.cgi)",
        "not served: templates/ holds templates",
        "not served: package/ is a Python package",
    ):
        assert f"INFO  [{server.pid}" in log
        assert f".: {line}\n" in log


def test_a_wsgi_application_answers_for_the_rest(mixed: Path) -> None:
    write(mixed, {"site.wsgi.txt": "", "main.py": WSGI})
    with Server(f"{mixed}/", "--mount", "/other=static:" + str(mixed / "sub")) as server:
        for target, text in ANSWERS:
            assert (target, server.request(target=target).text) == (target, text)
        for target in NOT_SERVED:
            if ".." not in target:
                assert server.request(target=target).text == f"wsgi {target}"
        assert server.request(target="/").text == "wsgi /"
        assert server.request(target="/other/").text == "sub index"
        assert (
            "a WSGI application for every other path: main:application (main.py defines 'application' in line 1)"
            in server.log()
        )


def test_a_directory_may_be_mounted(mixed: Path) -> None:
    with Server(f"--mount=/m={mixed}/") as server:
        assert server.request(target="/m/style.css").text == "css"
        assert server.request(target="/m/form.py/say?what=x").text == "x"
        assert server.request(target="/m/script.py/a").text == "cgi /a\n"
        assert server.request(target="/m/sub/deep/").text == "deep psp /m/sub/deep/index.psp"
        assert server.request(target="/m/sub")["Location"] == "/m/sub/"
        assert server.request(target="/style.css").status == 404


def test_files_that_come_later_are_served_if_that_is_safe(mixed: Path) -> None:
    with Server(".", cwd=mixed) as server:
        write(
            mixed, {"new.html": "new", "new.psp": "psp", "new.py": CGI, "package/new.html": "no", "sub/.new.html": "no"}
        )
        assert server.request(target="/new.html").text == "new"
        assert server.request(target="/new.psp").text == "psp"
        for target in ("/new.py", "/package/new.html", "/sub/.new.html"):
            assert server.request(target=target).status == 404
        server.reload()
        # A worker that drains may still answer.
        server.wait_until(lambda: server.request(target="/new.py").text == "cgi \n", "the new program is found")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            {"both.py": CGI + WSGI},
            "both.py could be a CGI program (it is executable and prints a header in line 2) or a WSGI application "
            "(it defines 'application' in line 6); name it: --mount /both.py=both:application or millau serve cgi:., which serves "
            "nothing but programs",
        ),
        (
            {"one.py": WSGI, "two.py": "from flask import Flask\napp = Flask(__name__)\n"},
            "there are several WSGI applications: one:application (one.py defines 'application' in line 1), two:app "
            "(two.py defines 'app' in line 2); name the one that is meant, and others with --mount: millau serve "
            "one:application --mount /2=two:app",
        ),
        (
            {"mod.py": CGI + "from mod_python import apache\ndef handler(req):\n    return apache.OK\n"},
            "mod.py could be a CGI program (it is executable and prints a header in line 2) or a handler for mod_python",
        ),
        ({"helper.py": "x = 1\n", "data.bin": ""}, "nothing that can be served was found"),
        (
            {"notes.py": CGI[CGI.index("\n") + 1 :]},
            "notes.py looks like a CGI program (it prints a header in line 1) and is not executable",
        ),
        ({"plain.pl": SHELL}, "plain.pl looks like a CGI program and is not executable (chmod +x plain.pl)"),
        ({"broken.py": "def f(:\n"}, "broken.py cannot be read as Python"),
    ],
)
def test_what_is_not_clear_is_named(tmp_path: Path, files: dict[str, str], message: str) -> None:
    write(tmp_path, files)
    for path in tmp_path.glob("plain.*"):
        path.chmod(0o644)
    result = run_millau("serve", ".", "--bind", "http://127.0.0.1:0", cwd=tmp_path)
    assert result.returncode == 3
    assert message in result.stderr


def test_a_project_of_django_is_found(tmp_path: Path) -> None:
    write(
        tmp_path, {"manage.py": "#!/usr/bin/env python3\nimport sys\n", "site1/__init__.py": "", "site1/wsgi.py": WSGI}
    )
    with Server(".", cwd=tmp_path) as server:
        assert server.request(target="/manage.py").text == "wsgi /manage.py"


def test_a_package_is_still_meant_by_its_name(tmp_path: Path) -> None:
    write(tmp_path, {"site1/__init__.py": WSGI, "site1/index.html": "no"})
    with Server("site1", cwd=tmp_path) as server:
        assert server.request(target="/index.html").text == "wsgi /index.html"


def test_a_mount_at_its_path_settles_what_a_file_is(tmp_path: Path) -> None:
    write(tmp_path, {"both.py": CGI + WSGI, "page.html": "a page"})
    with Server(".", "--mount", "/both.py=both:application", cwd=tmp_path) as server:
        assert server.request(target="/both.py").text == "wsgi "
        assert server.request(target="/page.html").text == "a page"
    result = run_millau("serve", f"{tmp_path.name}/", "--bind", "http://127.0.0.1:0", cwd=tmp_path.parent)
    advice = f"--mount /both.py={tmp_path.name}/both.py:application or millau serve cgi:{tmp_path.name},"
    assert advice in result.stderr
