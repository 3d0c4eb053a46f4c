"""TARGET: the forms that are found, and what is said when one is not (exit code 3)."""

from __future__ import annotations

import pytest
from server import Server, run_millau

HELLO = """
def application(environ, start_response):
    start_response("200 OK", [])
    return [b"application"]

def app(environ, start_response):
    start_response("200 OK", [])
    return [b"app"]

def factory():
    return app

class Holder:
    app = staticmethod(app)

    @classmethod
    def make(cls):
        return application

holder = Holder()
number = 5

def failing_factory():
    raise RuntimeError("the factory is closed")

def factory_of_nothing():
    return None

def factory_with_argument(config):
    return app
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("targets")
    (folder / "hello.py").write_text(HELLO)
    (folder / "only_app.py").write_text("def app(e, s):\n    s('200 OK', [])\n    return [b'app']\n")
    package = folder / "package" / "inner"
    package.mkdir(parents=True)
    (folder / "package" / "__init__.py").write_text("from hello import app\n")
    (package / "__init__.py").write_text("")
    (package / "wsgi.py").write_text("from ..inner import __name__ as name\nfrom hello import application\n")
    (folder / "neither.py").write_text("aplication = 1\ndef handler(e, s): pass\n")
    (folder / "with_syntax_error.py").write_text("x = 1\ndef application(:\n    pass\n")
    (folder / "needs_missing.py").write_text("import surely_not_installed\n")
    (folder / "raises.py").write_text("def inner():\n    raise RuntimeError('at import')\ninner()\n")
    (folder / "exits.py").write_text("import sys\nsys.exit('I would rather not')\n")
    (folder / "looking.py").write_text("import json\ndef unrelated(e, s): pass\n")
    (folder / "ends.py").write_text("import os\nos._exit(0)\n")
    (folder / "interrupts.py").write_text("raise KeyboardInterrupt\n")
    (folder / "not_callable.py").write_text("application = 'text'\n")
    (folder / "bad-name.py").write_text(HELLO)
    (folder / "paste.ini").write_text("[app:main]\nuse = egg:Nothing\n")
    return folder


@pytest.mark.parametrize(
    ("target", "body"),
    [
        ("hello", b"application"),
        ("hello:app", b"app"),
        ("hello:application", b"application"),
        ("only_app", b"app"),
        ("package", b"app"),
        ("package.inner.wsgi", b"application"),
        ("package.inner.wsgi:application", b"application"),
        ("hello:holder.app", b"app"),
        ("hello:Holder.app", b"app"),
        ("hello:factory()", b"app"),
        ("hello:Holder.make()", b"application"),
        ("hello.py", b"application"),
        ("hello.py:app", b"app"),
        ("./hello.py:factory()", b"app"),
        ("bad-name.py", b"application"),
        ("package/inner/../../hello.py", b"application"),
    ],
)
def test_forms_of_targets(folder, target, body):
    with Server(target, cwd=folder) as server:
        assert server.get().body == body


def test_an_absolute_path(folder, tmp_path):
    with Server(f"{folder}/hello.py:app", cwd=tmp_path) as server:
        assert server.get().body == b"app"


def test_the_current_directory_comes_first(folder, tmp_path):
    """Also before the standard library's own names, as `python -m` has it."""
    (tmp_path / "hello.py").write_text("def app(e, s):\n    s('200 OK', [])\n    return [b'mine']\n")
    with Server("hello:app", cwd=tmp_path, env={"PYTHONPATH": str(folder)}) as server:
        assert server.get().body == b"mine"


def test_other_directories(folder, tmp_path):
    with Server("hello:app", "--pythonpath", str(folder), cwd=tmp_path) as server:
        assert server.get().body == b"app"
    with Server("hello:app", "--chdir", str(folder), cwd=tmp_path) as server:
        assert server.get().body == b"app"


def failure(folder, target: str, *arguments: str) -> str:
    done = run_millau("serve", target, "--bind", "127.0.0.1:0", *arguments, cwd=folder)
    assert done.returncode == 3, (done.returncode, done.stderr)
    assert "panicked" not in done.stderr
    assert "ready" not in done.stderr
    return done.stderr


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("surely_missing", ["surely_missing"]),
        ("surely_missing:app", ["surely_missing"]),
        ("package.missing", ["package.missing"]),
        ("missing.py", ["missing.py"]),
        ("neither", ["neither", "application", "app"]),
        ("hello:nothing", ["nothing"]),
        ("hello:holder.nothing", ["'holder' (Holder) has no attribute 'nothing'", "callables: app, make."]),
        ("looking:json.nothing", ["the module 'json' has no attribute 'nothing'", "dump, dumps, load, loads"]),
        ("hello:aplication", ["aplication"]),
        ("hello:number", ["number", "callable"]),
        ("not_callable", ["callable"]),
        ("with_syntax_error", ["SyntaxError", "with_syntax_error.py", "def application(:", "line 2"]),
        ("with_syntax_error.py", ["SyntaxError", "def application(:"]),
        ("needs_missing", ["surely_not_installed", "needs_missing.py", "Traceback"]),
        ("raises", ["at import", "raises.py", "Traceback", "in inner"]),
        ("exits", ["I would rather not"]),
        ("interrupts", ["KeyboardInterrupt"]),
        ("ends", ["ends"]),
        ("hello:failing_factory()", ["the factory is closed", "Traceback"]),
        ("hello:factory_of_nothing()", ["factory_of_nothing", "callable"]),
        ("hello:factory_with_argument()", ["factory_with_argument", "config"]),
        ("hello:number()", ["number", "callable"]),
        ("paste:missing.ini", ["missing.ini"]),
    ],
)
def test_a_target_that_cannot_be_loaded(folder, target, words):
    """The message names the target and the reason; what Python knows more about it is the traceback."""
    message = failure(folder, target)
    assert [word for word in words if word not in message] == [], message


def test_a_missing_module_says_where_it_was_looked_for(folder):
    """The usual cause is the wrong directory, so the directory is named, and a missing dependency is told apart."""
    message = failure(folder, "surely_missing")
    assert str(folder) in message
    assert str(folder) not in failure(folder, "needs_missing").split("Traceback")[0]


def test_the_tracebacks_hold_no_frames_of_the_server(folder):
    """What is shown begins with the application's own code."""
    message = failure(folder, "raises")
    first = message[message.index("Traceback") :].splitlines()[1]
    assert "raises.py" in first, message


def test_a_similar_name_is_offered(folder):
    assert "application" in failure(folder, "hello:aplication")


def test_a_mount_that_cannot_be_loaded(folder):
    message = failure(folder, "hello", "--mount", "/m=surely_missing")
    assert "surely_missing" in message


def test_a_paste_file_without_pastedeploy_or_with_a_wrong_egg(folder):
    assert "paste.ini" in failure(folder, "paste:paste.ini")


def test_several_workers_say_it_once(folder):
    message = failure(folder, "raises", "--workers", "4")
    assert message.count("Traceback") == 1
    assert failure(folder, "raises", "--no-preload").count("at import") >= 1


def test_failing_listeners_come_before_failing_targets(folder):
    """Nothing is imported for a server that could not listen."""
    done = run_millau("serve", "raises", "--bind", "http+unix:missing/directory/socket", cwd=folder)
    assert done.returncode == 4
    assert "at import" not in done.stderr
