"""Python scripts that are forked from a warm interpreter cannot tell, and neither can anyone who edits them."""

from __future__ import annotations

import ast
import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cgi_programs import PYTHON, Programs, zombies_of
from server import PATIENCE, Server

TEXT = 'print("Content-Type: text/plain\\n")\n'


@pytest.fixture
def programs() -> Iterator[Programs]:
    with Programs() as programs:
        yield programs


@pytest.fixture
def server(programs) -> Iterator[Server]:
    with programs.serve("--cgi-mode", "warm") as server:
        yield server


def warm_interpreters(programs: Programs) -> list[int]:
    """Those that were started, not forked."""
    running = [process for process in programs.processes() if b"_warm_cgi.py" in command_line(process.pid)]
    own = {process.pid for process in running}
    return sorted(process.pid for process in running if process.parent not in own)


def command_line(pid: int) -> bytes:
    try:
        return Path("/proc", str(pid), "cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def wait_for(condition, what: str):
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(0.05)
    return found


def test_nothing_is_left_from_the_request_before(programs, server):
    programs.python(
        "state.py",
        TEXT
        + """
import builtins, json, os, sys
print(hasattr(builtins, "mark"), hasattr(json, "mark"), os.environ.get("QUERY_STRING"), os.environ.get("MARK"),
      "mark" in globals(), os.getcwd() == os.path.dirname(__file__), os.umask(0o22), len(sys.argv))
builtins.mark = json.mark = mark = 1
os.environ["MARK"] = "1"
os.chdir("/")
os.umask(0)
sys.argv.append("x")
""",
    )
    answers = {server.get(f"/state.py?{number}").text.replace(f" {number} ", " N ") for number in range(8)}
    assert answers == {"False False N None False True 18 1\n"}
    assert len(warm_interpreters(programs)) == 1


def test_a_script_sees_what_it_would_see_if_it_was_executed(programs):
    programs.python(
        "view.py",
        """
        import os, sys, threading
        print("Content-Type: text/plain\\n")
        here = os.path.dirname(os.path.realpath(__file__))
        print(repr({
            "argv": sys.argv, "orig_argv": getattr(sys, "orig_argv", None), "path": sys.path, "name": __name__,
            "globals": sorted(globals()), "loader": type(__loader__).__name__, "file": __file__,
            "main": sys.modules["__main__"].__dict__ is globals(), "executable": sys.executable,
            "modules": sorted(name for name in sys.modules), "threads": threading.active_count(),
            "main_thread": threading.current_thread() is threading.main_thread(), "gc": __import__("gc").isenabled(),
            "streams": [(s.encoding, s.errors, s.line_buffering, s.fileno(), s.isatty(), s.mode, s.name)
                        for s in (sys.stdin, sys.stdout, sys.stderr)],
            "signals": [(s.name, str(__import__("signal").getsignal(s))[:30]) for s in __import__("signal").valid_signals()
                        if isinstance(s, __import__("signal").Signals)],
            "flags": str(sys.flags), "group": os.getpgid(0) == os.getsid(0) == os.getpid(),
            "descriptors": sorted(os.listdir("/proc/self/fd"))[:3], "blocked": [
                line for line in open("/proc/self/status") if line.startswith(("SigBlk", "SigIgn"))],
            "environment": sorted(os.environ), "package": __package__, "cached": globals().get("__cached__"),
            "builtins": __builtins__ is __import__("builtins"), "sub": os.popen("echo x; exec 3>&-").read(),
        }))
        """,
    )
    views = []
    for mode in ("exec", "warm"):
        with programs.serve("--cgi-mode", mode) as server:
            for _ in range(4):
                view = ast.literal_eval(server.get("/view.py").text)
            views.append(view)
    assert views[1] == views[0]


@pytest.mark.parametrize("mode", ["exec", "warm"])
def test_the_end_of_a_script_is_the_end_of_an_interpreter(programs, mode):
    programs.python(
        "end.py",
        TEXT
        + """
import atexit, os, sys, threading, time
class Late:
    def __del__(self):
        os.write(1, b"deleted\\n")
late = Late()
kept = open("kept.txt", "w")
kept.write("written")
atexit.register(print, "at exit")
def work():
    time.sleep(0.05)
    print("thread")
threading.Thread(target=work).start()
what = os.environ["QUERY_STRING"]
if what == "exit":
    sys.exit("said on standard error")
if what == "raise":
    raise KeyError("of the script")
if what == "hook":
    sys.excepthook = lambda kind, value, traceback: print("hook", kind.__name__, traceback.tb_frame.f_code.co_name)
    raise KeyError
print("end")
""",
    )
    with programs.serve("--cgi-mode", mode) as server:
        for what, first in (("", "end\n"), ("exit", ""), ("raise", ""), ("hook", "hook KeyError <module>\n")):
            # With a hook of its own, an interpreter keeps the traceback, and with it all that is in the frames.
            last = "" if what == "hook" else "deleted\n"
            assert (
                server.get(f"/end.py?{what}").text.removesuffix("deleted\n") + last == f"{first}thread\nat exit\n{last}"
            )
            kept = programs.path / "kept.txt"
            assert kept.read_text() == "written"
            kept.unlink()
        server.wait_for_log("said on standard error")
        server.wait_for_log("KeyError: 'of the script'")
        assert "_warm_cgi" not in server.log()


def test_a_syntax_error_is_in_the_log(programs, server):
    programs.python("wrong.py", "print('x'\n")
    assert server.get("/wrong.py").status == 500
    server.wait_for_log("SyntaxError")
    assert "_warm_cgi" not in server.log()


def test_a_closed_standard_output_is_complained_of_as_the_interpreter_does(programs, server):
    programs.python("closes.py", "import os\n" + TEXT + "print('said', flush=True)\nprint('more')\nos.close(1)\n")
    assert server.get("/closes.py").text == "said\n"
    server.wait_for_log("OSError: [Errno 9] Bad file descriptor")
    assert "Exception ignored in" in server.log()
    assert "Traceback" not in server.log()


@pytest.mark.parametrize("mode", ["exec", "warm", "resident"])
def test_a_source_in_an_encoding_that_it_does_not_name_is_refused_in_every_way(programs, mode):
    script = programs.python("encoded.py", "# caf\n" + TEXT + "print('x')\n")
    source = script.read_bytes()
    script.write_bytes(source.replace(b"# caf", b"# caf\xe9 \x93"))
    with programs.serve("--cgi-mode", mode) as server:
        assert server.get("/encoded.py").status == 500
        server.wait_for_log("Non-UTF-8 code starting with '\\xe9'")
        script.write_bytes(source.replace(b"# caf", b"# -*- coding: cp1252 -*- caf\xe9 \x93"))
        assert server.get("/encoded.py").text == "x\n"


def test_what_a_script_imports_is_imported_before_the_request(programs, server):
    programs.python(
        "imports.py",
        """
        import sys
        before = {name for name in ("json", "email", "sqlite3", "local") if name in sys.modules}
        import email.message, json, local, sqlite3
        print("Content-Type: text/plain\\n")
        print(sorted(before))
        """,
    )
    programs.write("local.py", "value = 1\n", mode=0o644)

    def answer() -> bool:
        return server.get("/imports.py").text == "['email', 'json', 'sqlite3']\n"

    wait_for(answer, "the modules of the library are there, and the script's own module is not")


def test_modules_that_wait_for_their_first_use_are_left_alone(programs, server):
    library = programs.folder / "library"
    library.mkdir()
    # Loading it would need a module that can never be imported, and would make the list of modules longer.
    (library / "unused.py").write_text("import colorsys, never_there\n")
    programs.python(
        "lazy.py",
        f"""
        import sys
        warm = "fractions" in sys.modules
        import fractions
        import importlib.util
        sys.path.append({str(library)!r})
        for name in ("unused", "wave", "chunk"):
            spec = importlib.util.find_spec(name)
            if spec is not None:
                spec.loader = importlib.util.LazyLoader(spec.loader)
                module = importlib.util.module_from_spec(spec)
                sys.modules[name] = module
                spec.loader.exec_module(module)
        print("Content-Type: text/plain\\n")
        print(warm, "colorsys" in sys.modules)
        """,
    )
    wait_for(lambda: server.get("/lazy.py").text == "True False\n", "what the script has imported at once is there")
    assert "Traceback" not in server.log(), "what waits was loaded"


def test_a_changed_script_is_seen_by_the_next_request(programs, server):
    for number in range(30):
        # No pause, and the same length: what tells the versions apart is the clock of the file system.
        programs.python("changing.py", TEXT + f"print({number:03})".replace("0", "9") + "\n", settled=number % 3 == 0)
        expected = str(int(f"{number:03}".replace("0", "9")))
        assert server.get("/changing.py").text == f"{expected}\n"


def test_a_changed_module_is_seen_by_the_next_request(programs):
    library = programs.folder / "library"
    library.mkdir()
    programs.python("user.py", "import other, library_module\n" + TEXT + "print(other.value, library_module.value)\n")
    with programs.serve("--cgi-env", f"PYTHONPATH={library}", "--cgi-env", "PYTHONDONTWRITEBYTECODE=1") as server:
        for number in range(1, 6):
            programs.write("other.py", f"value = {number}\n", mode=0o644, settled=False)
            (library / "library_module.py").write_text(f"value = {number}\n")
            for _ in range(5):
                assert server.get("/user.py").text == f"{number} {number}\n"
                time.sleep(0.05)


def test_a_module_that_changes_between_its_import_and_the_next_request_is_seen(programs):
    library = programs.folder / "library"
    library.mkdir()
    module = library / "library_module.py"
    programs.python("user.py", "import library_module\n" + TEXT + "print(library_module.value)\n")
    with programs.serve("--cgi-env", f"PYTHONPATH={library}", "--cgi-env", "PYTHONDONTWRITEBYTECODE=1") as server:
        for value in ("first", "the second", "the very third"):
            module.write_text(f"value = {value!r}\n")
            assert server.get("/user.py").text == f"{value}\n"
            # Long enough for the warm interpreter to import it, without a request that would find out.
            time.sleep(2)
        module.write_text("value = 'last'\n")
        for _ in range(8):
            assert server.get("/user.py").text == "last\n"
            time.sleep(0.05)


def test_a_module_of_the_script_that_the_library_imports_is_imported_by_each_request(programs):
    library = programs.folder / "library"
    library.mkdir()
    (library / "framework.py").write_text("import settings\n")
    programs.python("framed.py", "import framework\n" + TEXT + "print(framework.settings.value)\n")
    with programs.serve("--cgi-env", f"PYTHONPATH={library}", "--cgi-env", "PYTHONDONTWRITEBYTECODE=1") as server:
        for number in range(1, 4):
            programs.write("settings.py", f"value = {10**number}\n", mode=0o644, settled=False)
            for _ in range(8):
                assert server.get("/framed.py").text == f"{10**number}\n"
                time.sleep(0.05)


def test_a_module_beside_the_script_comes_before_one_of_the_library(programs, server):
    programs.python("plain.py", "import json, fractions\n" + TEXT + "print(json.__file__.startswith('/usr'))\n")
    programs.write("sub/json.py", "own = True\n", mode=0o644)
    programs.write("sub/fractions.py", "own = True\n", mode=0o644)
    programs.python("sub/own.py", "import json, fractions\n" + TEXT + "print(json.own, fractions.own)\n")
    programs.python(
        "path.py",
        "import sys\nsys.path.insert(0, sys.path[0] + '/sub')\nimport json\n" + TEXT + "print(json.own)\n",
    )
    for _ in range(6):
        assert server.get("/plain.py").text == "True\n"
        assert server.get("/sub/own.py").text == "True True\n"
        assert server.get("/path.py").text == "True\n"
        time.sleep(0.1)


def test_a_module_that_looks_at_the_request_is_imported_by_each(programs):
    library = programs.folder / "library"
    library.mkdir()
    (library / "asks.py").write_text("import os\nquery = os.environ.get('QUERY_STRING')\n")
    (library / "uses.py").write_text("from asks import query\n")
    programs.python("asking.py", "import json, asks, uses\n" + TEXT + "print(asks.query, uses.query)\n")
    with programs.serve("--cgi-env", f"PYTHONPATH={library}") as server:
        for number in range(12):
            assert server.get(f"/asking.py?{number}").text == f"{number} {number}\n"
            time.sleep(0.05)


def test_a_wsgi_application_runs_with_the_library_s_handler(programs, server):
    programs.python(
        "wsgi.py",
        """
        import sys
        was_there = "wsgiref.handlers" in sys.modules
        from wsgiref.handlers import BaseHandler, CGIHandler

        def application(environ, start_response):
            start_response("200 OK", [("Content-Type", "text/plain")])
            text = f"{environ['QUERY_STRING']} {BaseHandler.os_environ['QUERY_STRING']} {was_there}"
            return [text.encode()]

        CGIHandler().run(application)
        """,
    )
    numbers = iter(range(1000))

    def is_there() -> bool:
        number = next(numbers)
        text = server.get(f"/wsgi.py?{number}").text
        assert text.startswith(f"{number} {number} ")
        return text.endswith("True")

    wait_for(is_there, "the handler is imported ahead")


def test_random_numbers_differ_from_request_to_request(programs, server):
    programs.python("random_numbers.py", "import random, uuid\n" + TEXT + "print(random.random(), uuid.uuid4())\n")
    answers = [server.get("/random_numbers.py").text for _ in range(20)]
    assert len(set(answers)) == len(answers)


def test_a_script_whose_import_starts_a_thread_is_executed_and_the_log_says_why(programs):
    library = programs.folder / "library"
    library.mkdir()
    (library / "threaded.py").write_text(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
    )
    programs.python("thread.py", "import os, threaded\n" + TEXT + "print(os.getppid())\n")
    with programs.serve("--cgi-env", f"PYTHONPATH={library}") as server:
        worker = server.workers()[0]
        wait_for(lambda: server.get("/thread.py").text == f"{worker}\n", "the worker itself starts the script")
        assert "threaded starts a thread when it is imported" in server.log()
        wait_for(lambda: not warm_interpreters(programs), "the warm interpreter has ended")
        (library / "threaded.py").write_text("mended = True\n")
        wait_for(lambda: server.get("/thread.py").text != f"{worker}\n", "the mended script is run warm")


def test_each_interpreter_has_a_warm_one_of_its_own(programs, server):
    environment = programs.folder / "venv"
    subprocess.run([PYTHON, "-m", "venv", "--without-pip", environment], check=True)
    site = next((environment / "lib").iterdir()) / "site-packages"
    (site / "only_here.py").write_text("value = 'of the environment'\n")
    body = TEXT + "import sys\nprint(sys.prefix, sys.flags.optimize)\nimport only_here\nprint(only_here.value)\n"
    programs.write("venv.py", f"#!{environment}/bin/python\n{body}")
    programs.write("optimised.py", f"#!{PYTHON} -OO\n{body}")
    for _ in range(4):
        assert server.get("/venv.py").text == f"{environment} 0\nof the environment\n"
        assert server.get("/optimised.py").text == f"{sys_prefix()} 2\n"
        time.sleep(0.1)
    assert len(warm_interpreters(programs)) == 2


def sys_prefix() -> str:
    return subprocess.run(
        [PYTHON, "-c", "import sys; print(sys.prefix)"], capture_output=True, text=True
    ).stdout.strip()


def interpreter(version: str) -> Path:
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    found = sorted(versions.glob(f"{version}.*/bin/python3"))
    if not found:
        pytest.skip(f"there is no Python {version} here")
    return found[0]


@pytest.mark.parametrize("version", ["3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14"])
def test_any_python_from_3_8_on_can_be_warm(programs, version):
    found = interpreter(version)
    body = TEXT + "import sys, json, email.message\nprint(sys.version_info[:2], sys.stdin.read())\n"
    programs.write("any.py", f"#!{found}\n{body}")
    with programs.serve("--cgi-mode", "warm") as server:
        for _ in range(6):
            answer = server.request("POST", "/any.py", (), b"body").text
            assert answer == f"({version.replace('.', ', ')}) body\n"
            time.sleep(0.05)
        assert len(warm_interpreters(programs)) == 1
        assert " ERROR " not in server.log() and "_warm_cgi" not in server.log()


@pytest.mark.parametrize("mode", ["exec", "warm"])
@pytest.mark.parametrize("version", ["3.13", "3.14"])
def test_cgi_and_cgitb_work_where_they_have_left_the_library(programs, version, mode):
    """With the package legacy-cgi in the environment of the script."""
    environment = programs.folder / "venv"
    subprocess.run([interpreter(version), "-m", "venv", environment], check=True)
    install = [environment / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, "legacy-cgi==2.6.4"], check=True)
    programs.write(
        "form.py",
        f"#!{environment}/bin/python\nimport cgi, cgitb\ncgitb.enable()\nform = cgi.FieldStorage()\n"
        "print('Content-Type: text/plain\\n')\nprint(form.getfirst('name'), form['file'].filename, len(form['file'].value))\n",
    )
    programs.write(
        "fails.py",
        f"#!{environment}/bin/python\nimport cgitb\ncgitb.enable()\nsecret = 6 * 7\nraise KeyError(secret)\n",
    )
    body = (
        b'--B\r\nContent-Disposition: form-data; name="name"\r\n\r\nAda\r\n'
        b'--B\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n' + bytes(5000) + b"\r\n--B--\r\n"
    )
    with programs.serve("--cgi-mode", mode) as server:
        for _ in range(3):
            answer = server.request("POST", "/form.py", [("Content-Type", "multipart/form-data; boundary=B")], body)
            assert answer.text == "Ada a.bin 5000\n"
            page = server.get("/fails.py").text
            assert "KeyError" in page and "secret" in page and "42" in page
            time.sleep(0.1)


def test_an_interpreter_that_cannot_be_warm_executes_and_the_log_says_why(programs):
    programs.write("bin/python3", f'#!/bin/sh\ncase "$*" in *_warm_cgi.py*) exit 7 ;; esac\nexec {PYTHON} "$@"\n')
    programs.write("strange.py", f"#!{programs.path}/bin/python3\n{TEXT}print('served')\n")
    with programs.serve() as server:
        for _ in range(3):
            assert server.get("/strange.py").text == "served\n"
        server.wait_for_log("it is executed anew for each request")


def test_a_warm_interpreter_that_was_killed_is_replaced(programs, server):
    programs.python("hello.py", TEXT + "print('hello')\n")
    for _ in range(3):
        assert server.get("/hello.py").text == "hello\n"
        before = warm_interpreters(programs)
        assert len(before) == 1
        for process in programs.processes():
            # What it has forked ends with it.
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, 9)
        wait_for(lambda: not warm_interpreters(programs), "all is dead")
    assert server.get("/hello.py").text == "hello\n"
    assert not zombies_of(server)


def test_a_warm_interpreter_that_dies_before_it_served_is_tried_again_later(programs):
    programs.write("bin/python3", f'#!/bin/sh\ncase "$*" in *_warm_cgi.py*) kill -9 $$ ;; esac\nexec {PYTHON} "$@"\n')
    programs.write("strange.py", f"#!{programs.path}/bin/python3\n{TEXT}print('served')\n")
    with programs.serve() as server:
        for _ in range(3):
            assert server.get("/strange.py").text == "served\n"
        server.wait_for_log("it is executed anew for each request, for 30 seconds: ")
        assert server.log().count("executed anew") == 1


def test_children_that_were_killed_before_they_had_a_request_are_replaced(programs, server):
    programs.python("hello.py", TEXT + "print('hello')\n")
    for _ in range(3):
        assert server.get("/hello.py").text == "hello\n"
        parents = set(warm_interpreters(programs))
        children = [process for process in programs.processes() if process.parent in parents]
        os.kill(children[0].pid, 9)
    assert server.get("/hello.py").text == "hello\n"


def test_the_dead_children_of_a_warm_interpreter_are_buried(programs, server):
    programs.python("hello.py", TEXT + "print('hello')\n")
    for _ in range(5):
        assert server.get("/hello.py").text == "hello\n"
    parents = set(warm_interpreters(programs))
    wait_for(lambda: not zombies_of(parents), "the dead are buried")


@pytest.mark.slow
def test_an_idle_warm_interpreter_ends(programs):
    programs.python("hello.py", TEXT + "print('hello')\n")
    with programs.serve("--cgi-warm-idle", "1") as server:
        assert server.get("/hello.py").text == "hello\n"
        wait_for(lambda: not programs.processes(), "the warm interpreter has ended")
        assert not zombies_of(server)
        assert server.get("/hello.py").text == "hello\n"


def test_no_more_interpreters_than_the_limit_are_warm(programs):
    for number in range(4):
        programs.python(f"hello{number}.py", TEXT + f"print('hello {number}')\n")
    with programs.serve("--cgi-warm-interpreters", "2") as server:
        for _ in range(2):
            for number in range(4):
                assert server.get(f"/hello{number}.py").text == f"hello {number}\n"
        assert len(warm_interpreters(programs)) == 2


def test_warm_interpreters_end_with_the_server(programs):
    programs.python("hello.py", TEXT + "print('hello')\n")
    with programs.serve() as server:
        assert server.get("/hello.py").text == "hello\n"
        assert programs.processes()
    wait_for(lambda: not programs.processes(), "all processes have ended")
    server = programs.serve()
    server.start()
    assert server.get("/hello.py").text == "hello\n"
    for process in server.processes():
        os.kill(process.pid, 9)
    wait_for(lambda: not programs.processes(), "all processes have ended")
    server.stop()


def test_the_howto_s_test_script_works_as_printed(programs, server):
    """https://docs.python.org/3.3/howto/webservers.html, in Python 3 form: cgitb and the environment."""
    if sys.version_info >= (3, 13):
        pytest.skip("cgitb left the standard library")
    programs.write(
        "test.py",
        """
        #!/usr/bin/env python3
        # -*- coding: UTF-8 -*-

        # enable debugging
        import cgitb
        cgitb.enable()

        print("Content-Type: text/plain;charset=utf-8")
        print()

        print("Hello World!")
        """,
    )
    for _ in range(4):
        response = server.get("/test.py")
        assert (response["content-type"], response.text) == ("text/plain;charset=utf-8", "Hello World!\n")


def test_a_form_comes_through_the_cgi_module(programs, server):
    if subprocess.run([PYTHON, "-c", "import cgi"], capture_output=True).returncode:
        pytest.skip("there is no cgi module")
    programs.python(
        "form.py",
        """
        import cgi
        form = cgi.FieldStorage()
        print("Content-Type: text/plain\\n")
        print(sorted((key, form.getvalue(key) if not form[key].filename else len(form[key].file.read())) for key in form))
        """,
    )
    boundary = "b0undary"
    part = f'--{boundary}\r\nContent-Disposition: form-data; name="{{}}"{{}}\r\n\r\n{{}}\r\n'
    body = part.format("a", "", "1") + part.format("f", '; filename="x"', "y" * 100_000) + f"--{boundary}--\r\n"
    fields = [("Content-Type", f"multipart/form-data; boundary={boundary}")]
    for _ in range(4):
        assert server.request("POST", "/form.py", fields, body.encode()).text == "[('a', '1'), ('f', 100000)]\n"


REQUESTS = int(os.environ.get("WARM_REQUESTS", "3000"))


@pytest.mark.load
def test_thousands_of_warm_requests_leave_nothing_behind(programs):
    """WARM_REQUESTS=100000 for a long run."""
    programs.python("hello.py", "import json, os, tempfile\n" + TEXT + "print('hello')\n")
    temporary = programs.folder / "temporary"
    temporary.mkdir()
    options = ("--cgi-mode", "warm", "--cgi-env", f"TMPDIR={temporary}")
    with programs.serve(*options, env={"TMPDIR": str(temporary)}) as server:
        leave_nothing_behind(programs, server, temporary)


def resident_megabytes(pid: int) -> float:
    return int(re.search(r"VmRSS:\s+(\d+)", Path("/proc", str(pid), "status").read_text())[1]) / 1024


def leave_nothing_behind(programs: Programs, server: Server, temporary: Path) -> None:
    def footprint() -> dict[str, float]:
        worker, parent = server.workers()[0], warm_interpreters(programs)[0]
        return {
            "descriptors": len(os.listdir(f"/proc/{worker}/fd")),
            "threads": len(os.listdir(f"/proc/{worker}/task")),
            "memory": resident_megabytes(worker),
            "parent's descriptors": len(os.listdir(f"/proc/{parent}/fd")),
            "parent's memory": resident_megabytes(parent),
            "processes": len(programs.processes()),
            "temporary files": len(os.listdir(temporary)),
        }

    def requests(count: int) -> None:
        with server.client() as client:
            for _ in range(count):
                assert client.request("GET", "/hello.py").text == "hello\n"

    requests(200)
    time.sleep(3)
    before, files = footprint(), sorted(os.listdir(programs.path))
    requests(REQUESTS)
    time.sleep(3)
    after = footprint()
    assert after["memory"] < before["memory"] + 8, (before, after)
    assert after["descriptors"] <= before["descriptors"] + 1, (before, after)
    assert after["threads"] <= before["threads"] + 1, (before, after)
    assert after["parent's descriptors"] == before["parent's descriptors"]
    assert after["parent's memory"] < before["parent's memory"] + 1, (before, after)
    assert after["temporary files"] == before["temporary files"], (before, after)
    assert after["processes"] <= before["processes"] + 1, (before, after)
    assert sorted(os.listdir(programs.path)) == files
    assert not zombies_of(server)


def test_interpreters_that_wait_may_be_killed(programs):
    programs.python("waits.py", 'import os\nprint("Content-Type: text/plain\\n")\nprint(os.getpid(), os.getppid())\n')
    with programs.serve("--cgi-mode", "warm") as server:
        (worker,) = server.workers()
        # The first request may have been executed, while the interpreter started.
        while (parent := int(server.get("/waits.py").text.split()[1])) == worker:
            pass

        def waiting() -> list[int]:
            return list(map(int, Path(f"/proc/{parent}/task/{parent}/children").read_text().split()))

        killed: set[int] = set()

        def new() -> set[int]:
            """The dead are among the children until they are buried."""
            return set(waiting()) - killed

        for _ in range(3):
            # They come again without any request.
            server.wait_until(lambda: len(new()) == 2 == len(waiting()), "two children wait")
            for child in new():
                killed.add(child)
                os.kill(child, signal.SIGKILL)
        server.wait_until(lambda: len(new()) == 2 == len(waiting()), "two more wait")
        child, same = map(int, server.get("/waits.py").text.split())
        assert same == parent


def test_a_module_that_comes_beside_the_script_hides_that_of_the_library(programs):
    programs.python("hides.py", 'import colorsys\nprint("Content-Type: text/plain\\n")\nprint(colorsys.__file__)\n')
    with programs.serve("--cgi-mode", "warm") as server:
        for _ in range(4):
            assert "/lib/" in server.get("/hides.py").text
        own = programs.write("colorsys.py", "", mode=0o644)
        for _ in range(3):
            assert server.get("/hides.py").text == f"{own}\n"
        own.unlink()
        assert "/lib/" in server.get("/hides.py").text


def test_what_c_code_prints_is_output(programs):
    programs.python(
        "prints.py",
        """
        import ctypes, sys

        print("Content-Type: text/plain\\n", flush=True)
        ctypes.CDLL(None).printf(b"from C\\n")
        """,
    )
    with programs.serve("--cgi-mode", "warm") as server:
        for _ in range(3):
            assert server.get("/prints.py").text == "from C\n"
