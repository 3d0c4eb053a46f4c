"""The common problems of CGI scripts, as the HOWTO lists them: told in the log, shown under --debug, mended, served."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cgi_programs import Programs
from server import Server, run_millau
from test_command_doctor import BREAKS, GOOD, write

BROWSER = [("Accept", "text/html,*/*;q=0.8")]

# What the system starts all the same; and a warm interpreter takes the words of env apart as env -S does.
HARMLESS = {"setuid-bits", "writable-by-others", "env-arguments"}


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site") / "cgi-bin"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def debugging(directory):
    with Server(f"cgi:{directory}", "--debug", cwd=directory.parent) as server:
        yield server


@pytest.fixture(scope="module")
def public(directory):
    with Server(f"cgi:{directory}", cwd=directory.parent) as server:
        yield server


def python(body: str) -> str:
    return f"#!/usr/bin/env python3\n{body}\n"


@pytest.mark.parametrize("problem", sorted(set(BREAKS) - HARMLESS))
def test_a_script_that_cannot_be_started_is_diagnosed_mended_and_served(directory, debugging, public, problem):
    text, mode = BREAKS[problem]
    script = write(directory / f"{problem}.py", text, mode)
    expected = 403 if problem == "not-executable" else 500

    bare = public.get(f"/{problem}.py")
    assert bare.status == expected
    assert b"mend" not in bare.body and b"python" not in bare.body and b"chmod" not in bare.body
    page = debugging.get(f"/{problem}.py", BROWSER)
    assert (page.status, page["Content-Type"]) == (expected, "text/html; charset=utf-8")
    command = "chmod" if problem == "not-executable" else "sed -i"
    assert "Mend" in page.text and command in page.text
    public.wait_for_log(f"({problem}); to mend it: ")

    user = "root" if os.geteuid() == 0 else str(os.geteuid())
    done = run_millau("doctor", "--fix", "--user", user, "--cgi-directory", str(directory), str(script))
    assert done.returncode == 0, done.stdout
    for server in (public, debugging):
        served = server.get(f"/{problem}.py")
        assert (served.status, served.body) == (200, b"hello\n")


def test_a_client_that_asks_again_does_not_fill_the_log(directory, public):
    script = write(directory / "again.py", GOOD, 0o644)

    def lines() -> int:
        return public.log().count("again.py: the script is not executable")

    for _ in range(20):
        assert public.get("/again.py").status == 403
    public.wait_for_log("again.py: the script is not executable")
    assert lines() == 1
    script.chmod(0o640)
    assert public.get("/again.py").status == 403
    public.wait_until(lambda: lines() == 2, "the log tells of the file in its new state")


def test_a_mount_without_execution_is_named_and_chmod_is_not_advised():
    with Programs() as programs:
        write(programs.path / "hello.py", GOOD)
        place = str(programs.path)
        mount = 'mount --bind "$1" "$1" && mount -o remount,bind,noexec "$1"'
        if subprocess.run(["unshare", "-m", "sh", "-c", mount, "sh", place], capture_output=True).returncode:
            pytest.skip("file systems cannot be mounted here")
        prefix = ["unshare", "-m", "sh", "-c", mount + '; shift; exec "$@"', "sh", place]
        with programs.serve(prefix=prefix) as server:
            assert server.get("/hello.py").status == 403
            server.wait_for_log("(noexec-mount); to mend it: mount -o remount,exec ")
            assert "chmod" not in server.log()


@pytest.fixture
def of_nobody():
    """A server that does not run as root, who may read everything."""
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    prefix = nobody if os.geteuid() == 0 else []
    with Programs() as programs:
        if prefix and subprocess.run([*prefix, sys.executable, "-c", "import millau"], capture_output=True).returncode:
            pytest.skip("another user cannot run the server here")
        with programs.serve("--cgi-mode", "exec", prefix=prefix) as server:
            yield programs, server


def test_a_closed_directory_is_named_with_its_mend(of_nobody):
    programs, server = of_nobody
    closed = programs.write("closed/hello.py", GOOD).parent
    closed.chmod(0o600)
    for name in ("hello.py", "nothing", "other"):
        assert server.get(f"/closed/{name}").status == 403
    server.wait_for_log(f"(directory-closed); to mend it: chmod {'o' if os.geteuid() == 0 else 'u'}+x {closed}")
    assert server.log().count("directory-closed") == 1
    closed.chmod(0o755)
    assert server.get("/closed/hello.py").status == 200


def test_a_link_into_a_closed_directory_is_told_as_that(of_nobody):
    programs, server = of_nobody
    closed = programs.write("closed/hello.py", GOOD).parent
    (programs.path / "link.py").symlink_to("closed/hello.py")
    closed.chmod(0o600)
    assert server.get("/link.py").status == 403
    server.wait_for_log(f"(directory-closed); to mend it: chmod {'o' if os.geteuid() == 0 else 'u'}+x {closed}")
    assert "not-found" not in server.log()
    closed.chmod(0o755)
    assert server.get("/link.py").status == 200


def test_an_interpreter_behind_a_closed_directory_is_not_taken_for_missing(of_nobody):
    """As that of a virtual environment whose base is a Python below a home directory (pyenv, uv)."""
    programs, server = of_nobody
    base = programs.write("home/python3", "", mode=0o755)
    link = programs.path / "venv/bin/python3"
    link.parent.mkdir(parents=True)
    link.symlink_to(base)
    programs.write("hello.py", f"#!{link}\n")
    base.parent.chmod(0o600)
    assert server.get("/hello.py").status == 500
    server.wait_for_log("(interpreter-closed); to mend it: ")
    assert f"may not start the interpreter '{link}': {base.parent} is closed" in server.log()
    base.parent.chmod(0o755)


@pytest.mark.parametrize("first", ["#!/usr/bin/env python3", "#!/bin/sh", "#!/usr/bin/perl"])
def test_a_script_that_can_be_executed_and_not_read(of_nobody, first):
    programs, server = of_nobody
    programs.write("unreadable.cgi", f"{first}\n", mode=0o311)
    assert server.get("/unreadable.cgi").status == 500
    server.wait_for_log("(not-readable); to mend it: chmod ")


@pytest.mark.parametrize(
    ("body", "problem", "said"),
    [
        ("print('<h1>hello</h1>')", "output-before-header", "must be the header"),
        ("print('Content-Type: text/html')\nprint('<h1>hello</h1>')", "no-blank-line", "empty line"),
        ("print('Status: 200 OK\\n\\nhello')", "no-content-type", "Content-Type"),
        ("pass", "no-output", "print a header first"),
        ("import no_such_module_here", "module-missing", "-m pip install no_such_module_here"),
        ("print 'hello'", "python-2", "Python 2"),
        ("x = (", "syntax-error", "SyntaxError"),
        ("print('Content-Type: text/plain')\nprint()\n1 / 0", "exception", "ZeroDivisionError"),
        ("import os\nos.kill(os.getpid(), 11)", "crashed", "ended by signal 11"),
    ],
)
def test_what_goes_wrong_in_a_script_is_diagnosed(directory, debugging, public, body, problem, said):
    name = f"broken-{problem}.py"
    write(directory / name, python(body))
    page = debugging.get(f"/{name}", BROWSER)
    assert page.status == 500
    assert said in page.text or said.replace("'", "&#39;") in page.text
    text = debugging.get(f"/{name}")
    assert (text.status, text["Content-Type"]) == (500, "text/plain; charset=utf-8")
    # The page for an exception may be the script's own.
    assert f"[{problem}]" in text.text or problem == "exception"
    bare = public.get(f"/{name}")
    if problem == "exception":
        # What it printed before is a whole response, and only its exit status says otherwise.
        assert bare.status == 200
    else:
        assert bare.status == 500
        assert said.encode() not in bare.body
        public.wait_for_log(f"({problem}); to mend it: ")


def test_bytes_of_windows_are_named_and_mended(directory, debugging, public):
    script = write(
        directory / "windows.py",
        python("print('Content-Type: text/plain\\n')").encode() + b"print('Gr\xfc\xdfe'.encode())\n",
    )
    assert "[source-encoding]" in debugging.get("/windows.py").text
    run_millau("doctor", "--fix", str(script))
    assert public.get("/windows.py").status == 200


def test_a_status_alone_does_not_hide_a_good_answer(directory, debugging):
    write(directory / "last.sh", "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\nfine'\nfalse\n")
    answer = debugging.get("/last.sh", BROWSER)
    assert (answer.status, answer.body) == (200, b"fine")


def test_what_a_script_says_stays_text_on_the_page(directory, debugging):
    attack = "<script>alert(1)</script>"
    write(directory / "attack.py", python(f"import sys\nsys.stderr.write({attack!r})\nprint({attack!r})"))
    page = debugging.get("/attack.py", BROWSER)
    assert page.status == 500
    assert b"<script" not in page.body
    assert page["Content-Security-Policy"].startswith("default-src 'none'")


def test_a_response_that_is_under_way_gets_no_page(directory, debugging):
    body = "import sys, time\nprint('Content-Type: text/plain\\n')\nprint('x' * 200_000, flush=True)\ntime.sleep(.5)\n1 / 0"
    write(directory / "late.py", python(body))
    answer = debugging.get("/late.py", BROWSER)
    assert answer.status == 200
    assert b"<html" not in answer.body


def test_a_working_script_is_not_touched(directory, debugging):
    write(Path(directory) / "good.py", GOOD)
    answer = debugging.get("/good.py", BROWSER)
    assert (answer.status, answer.body) == (200, b"hello\n")


RAISING = """
def inner(book):
    number = 40 + 2
    return book[number]
print('Content-Type: text/plain')
print()
print('a beginning')
inner({'title': 'Dune'})
"""


@pytest.mark.parametrize("mode", ["warm", "resident"])
def test_python_scripts_get_the_page_for_their_exception(directory, mode):
    write(directory / "raising.py", python(RAISING))
    with Server(f"cgi:{directory}", "--debug", "--cgi-mode", mode, cwd=directory.parent) as server:
        server.get("/raising.py")  # The first one may be executed while the interpreter warms up.
        server.wait_until(lambda: b"number" in server.get("/raising.py", BROWSER).body, "the script runs as it should")
        page = server.get("/raising.py", BROWSER)
        assert (page.status, page["Content-Type"]) == (500, "text/html; charset=utf-8")
        assert "<b>KeyError</b>: 42" in page.text
        assert "<td>number</td><td>42</td>" in page.text
        assert "REQUEST_METHOD" in page.text
        assert "a beginning\n\n" not in page.text and "MILLAU_CGI_DEBUG" not in page.text
        assert server.get("/raising.py")["Content-Type"] == "text/plain; charset=utf-8"
        write(
            directory / "shown.py", python("import os\nprint('Content-Type: text/plain\\n')\nprint(sorted(os.environ))")
        )
        assert "MILLAU_CGI_DEBUG" not in server.get("/shown.py").text
        server.wait_for_log("KeyError: 42")


def test_without_the_option_python_scripts_show_nothing(directory, public):
    write(directory / "raising.py", python(RAISING))
    answer = public.get("/raising.py", BROWSER)
    assert b"KeyError" not in answer.body and b"number" not in answer.body
