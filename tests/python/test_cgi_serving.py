"""CGI programs: which file a path means, what a program gets and what becomes of its output."""

from __future__ import annotations

import os
import socket
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cgi_programs import LANGUAGES, PYTHON, Programs
from server import APPS, PATIENCE, Server

HEAD = "printf 'Content-Type: text/plain\\n\\n'\n"
MODES = ("exec", "warm", "resident")


@pytest.fixture(scope="module")
def programs() -> Iterator[Programs]:
    with Programs() as programs:
        programs.write("ok.sh", f"#!/bin/sh\n{HEAD}echo ok $SCRIPT_NAME $PATH_INFO\n")
        programs.write("sub/ok.sh", f"#!/bin/sh\n{HEAD}echo sub $SCRIPT_NAME $PATH_INFO\n")
        programs.write("source.py", f"#!{PYTHON}\nprint('secret')\n", mode=0o644)
        programs.write(".hidden.sh", f"#!/bin/sh\n{HEAD}echo hidden\n")
        programs.write("../outside.sh", f"#!/bin/sh\n{HEAD}echo outside\n")
        (programs.path / "out.sh").symlink_to("../outside.sh")
        (programs.path / "in.sh").symlink_to("sub/ok.sh")
        (programs.path / "up").symlink_to("..")
        (programs.path / "pipe").unlink(missing_ok=True)
        os.mkfifo(programs.path / "pipe", 0o755)
        yield programs


@pytest.fixture(scope="module")
def server(programs) -> Iterator[Server]:
    with programs.serve() as server:
        yield server


@pytest.mark.parametrize(
    ("target", "answer"),
    [
        ("/ok.sh", "ok /ok.sh"),
        ("/ok.sh/", "ok /ok.sh /"),
        ("/ok.sh/a%20b/../c", "ok /ok.sh /a b/../c"),
        ("/cgi-bin/ok.sh/x", "ok /cgi-bin/ok.sh /x"),
        ("/sub/ok.sh/x", "sub /sub/ok.sh /x"),
        ("//sub//ok.sh", "sub //sub//ok.sh"),
        ("/in.sh", "sub /in.sh"),
    ],
)
def test_the_first_file_on_the_path_is_the_program(server, target, answer):
    response = server.get(target)
    assert (response.status, response.text.rstrip()) == (200, answer)


@pytest.mark.parametrize("status_target", [
    "404 /", "404 /sub", "404 /sub/", "404 /none", "404 /ok.sh.", "404 /ok.sh%20", "404 /ok.sh%00", "404 /ok%00.sh",
    "404 /../outside.sh", "404 /%2e%2e/outside.sh", "404 /sub/../ok.sh", "404 /sub%2fok.sh", "404 /.hidden.sh",
    "404 /./ok.sh", "404 /OK.SH", "403 /source.py", "403 /source.py/", "403 /source.py/x", "403 /out.sh",
    "403 /up/outside.sh", "403 /pipe", "404 /up",
])  # fmt: skip
def test_nothing_else_is_run_or_shown(server, status_target):
    status, _, target = status_target.partition(" ")
    response = server.get(target)
    assert (response.status, "secret" in response.text, "outside" in response.text) == (int(status), False, False)
    assert response.keeps_alive


def test_a_link_that_leads_out_is_followed_where_that_is_allowed(programs):
    with programs.serve("--cgi-symlinks") as server:
        assert server.get("/out.sh").text == "outside\n"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("print('x')\n", "does not begin with '#!'"),
        ("#!/usr/bin/python3\r\nprint('x')\r\n", "CR LF"),
        ("\ufeff#!/bin/sh\necho\n", "byte order mark"),
        ("#!/no/such/interpreter\n", "the interpreter '/no/such/interpreter' does not exist"),
        ("#!/usr/bin/env no-such-python\n", "no no-such-python on its PATH"),
        ("#!/bin/sh\necho hello\n", "write Content-Type and an empty line"),
        ("#!/bin/sh\nprintf 'Content-Type: text/html\\n'\n", "empty line after the header"),
    ],
)
def test_what_is_wrong_with_a_program_is_in_the_log(programs, server, text, reason):
    programs.write("wrong", "")
    (programs.path / "wrong").write_bytes(text.encode())
    response = server.get("/wrong")
    assert response.status == 500 and "wrong" not in response.text
    if "env " in text:
        return  # env itself says it, on standard error
    assert f"{programs.path}/wrong" in server.wait_for_log(reason)


def test_standard_error_is_in_the_log_with_the_name_of_the_program(programs, server):
    programs.write("complains.sh", f"#!/bin/sh\necho 'no such thing' >&2\n{HEAD}echo done\n")
    assert server.get("/complains.sh").text == "done\n"
    server.wait_for_log(f"{programs.path}/complains.sh: no such thing")


def test_a_program_has_three_descriptors_and_its_signals_at_their_defaults(programs):
    programs.write(
        "inside.sh",
        f"""
        #!/bin/sh
        {HEAD}
        ls /proc/self/fd
        grep -E '^Sig(Blk|Ign)' /proc/self/status
        """,
    )
    passed, other = socket.socketpair()
    with passed, other, programs.serve(pass_fds=[passed.fileno()], prefix=["nohup"]) as server:
        lines = server.get("/inside.sh").text.splitlines()
    # The last is the directory that ls reads.
    assert [line for line in lines if line.isdigit()] == ["0", "1", "2", "3"]
    # 32 and 33 are the C library's own.
    signals = [int(line.split()[1], 16) & ~(3 << 31) for line in lines if line.startswith("Sig")]
    assert signals == [0, 0]


def test_credentials_get_to_a_program_only_where_that_is_wished(programs):
    programs.write("user.sh", f"#!/bin/sh\n{HEAD}echo $HTTP_AUTHORIZATION\n")
    fields = [("Authorization", "Basic eDp5")]
    with programs.serve() as server:
        assert server.get("/user.sh", fields).text == "\n"
    with programs.serve("--cgi-pass-authorization") as server:
        assert server.get("/user.sh", fields).text == "Basic eDp5\n"


def test_nothing_of_the_server_s_environment_gets_to_a_program(programs):
    programs.write("names.sh", f"#!/bin/sh\n{HEAD}env | cut -d= -f1\n")
    secrets = {"SECRET": "x", "LD_PRELOAD_X": "x", "PYTHONPATH": os.environ.get("PYTHONPATH", ""), "TZ": "UTC"}
    with programs.serve("--cgi-env", "GIVEN=1", env=secrets) as server:
        names = server.get("/names.sh").text.split()
    assert {"GIVEN", "TZ"} <= set(names) and not {"SECRET", "PYTHONPATH", "HOME", "LD_PRELOAD_X"} & set(names)


def test_a_whole_response_passes_but_for_what_belongs_to_the_connection(programs, server):
    programs.write(
        "nph-x.sh",
        "#!/bin/sh\nprintf 'HTTP/1.1 299 Odd\\r\\nX-A: b\\r\\nConnection: close\\r\\nContent-Length: 4\\r\\n\\r\\nnph\\n'\n",
    )
    with server.client() as client:
        for _ in range(2):
            response = client.request("GET", "/nph-x.sh")
            assert (response.status, response.reason, response["x-a"], response.text) == (299, "Odd", "b", "nph\n")


def test_a_local_redirect_leads_to_any_application(programs):
    programs.write("redirects.sh", "#!/bin/sh\ncat >/dev/null\nprintf 'Location: /wsgi/x?y=1\\n\\n'\n")
    programs.write(
        "application.py",
        """
        def application(environ, start_response):
            names = ("REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "CONTENT_LENGTH", "CONTENT_TYPE")
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [repr([environ.get(name) for name in names] + [environ["wsgi.input"].read()]).encode()]
        """,
        mode=0o644,
    )
    with programs.serve("--mount", f"/wsgi={programs.path}/application.py") as server:
        expected = repr(["GET", "/wsgi", "/x", "y=1", None, None, b""])
        for method, body in (("GET", None), ("POST", b"body"), ("POST", b"x" * 100_000)):
            assert server.request(method, "/redirects.sh", [("Content-Type", "a/b")], body).text == expected


@pytest.mark.parametrize("mode", MODES)
def test_output_is_on_its_way_as_soon_as_it_is_flushed(programs, mode):
    programs.python(
        "streams.py",
        """
        import os, sys, time
        print("Content-Type: text/plain\\n\\nfirst", flush=True)
        while not os.path.exists("go"):
            time.sleep(0.01)
        print("second")
        """,
    )
    gate = programs.path / "go"
    with programs.serve("--cgi-mode", mode) as server, server.client() as client:
        client.send(b"GET /streams.py HTTP/1.1\r\nHost: h\r\n\r\n")
        response = client.head()
        assert client.chunk(response) == b"first\n"
        gate.touch()
        assert client.body(response).body == b"first\nsecond\n"
        gate.unlink()


@pytest.mark.parametrize("mode", MODES)
def test_a_body_streams_into_a_program(programs, mode):
    programs.python(
        "sums.py",
        """
        import os, sys, zlib
        size = checksum = 0
        while data := sys.stdin.buffer.read(50_000):
            size += len(data)
            checksum = zlib.crc32(data, checksum)
        print("Content-Type: text/plain\\n")
        print(size, checksum, os.environ["CONTENT_LENGTH"])
        """,
    )
    import zlib

    body = os.urandom(1000) * 5000
    with programs.serve("--cgi-mode", mode) as server:
        for data in (b"x", body):
            expected = f"{len(data)} {zlib.crc32(data)} {len(data)}\n"
            assert server.request("POST", "/sums.py", (), data).text == expected


@pytest.mark.parametrize("mode", MODES)
def test_a_program_may_answer_without_reading_its_body(programs, mode):
    programs.python("answers.py", 'print("Content-Type: text/plain\\n\\nanswered")\n')
    with programs.serve("--cgi-mode", mode) as server:
        for _ in range(3):
            with server.client() as client:
                client.send(
                    b"POST /answers.py HTTP/1.1\r\nHost: h\r\nContent-Length: 5000000\r\n\r\n" + b"x" * 2_000_000
                )
                assert client.response().text == "answered\n"


@pytest.mark.parametrize("mode", ["exec", "warm"])
def test_a_body_and_its_output_flow_at_once(programs, mode):
    programs.python(
        "turns.py",
        """
        import sys
        print("Content-Type: text/plain\\n", flush=True)
        while data := sys.stdin.buffer.read1():
            sys.stdout.buffer.write(data.upper())
            sys.stdout.buffer.flush()
        """,
    )
    with programs.serve("--cgi-mode", mode, "--request-buffer", "0") as server, server.client() as client:
        client.send(b"POST /turns.py HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc")
        response = client.head()
        assert client.chunk(response) == b"ABC"
        client.send(b"def")
        assert client.chunk(response) == b"DEF"
        client.send(b"ghi")
        assert client.body(response).body == b"ABCDEFGHI"


@pytest.mark.parametrize("mode", ["exec", "warm"])
def test_a_client_that_waits_for_100_is_invited(programs, mode):
    programs.python("reads.py", 'import sys\nprint("Content-Type: text/plain\\n\\n" + sys.stdin.read())\n')
    with programs.serve("--cgi-mode", mode) as server, server.client() as client:
        client.send(b"POST /reads.py HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
        assert client.response().status == 100
        client.send(b"abc")
        assert client.response().text == "abc\n"


@pytest.mark.parametrize("mode", ["exec", "warm"])
def test_a_slow_reader_holds_the_program_up(programs, mode):
    programs.python(
        "much.py",
        """
        import sys
        print("Content-Type: text/plain\\n")
        for number in range(100):
            sys.stdout.write("x" * 1_000_000)
            with open("progress", "w") as file:
                file.write(str(number + 1))
        """,
    )
    progress = programs.path / "progress"

    def written() -> int:
        return int((progress.exists() and progress.read_text()) or 0)

    with programs.serve("--cgi-mode", mode) as server, server.client() as client:
        client.send(b"GET /much.py HTTP/1.1\r\nHost: h\r\n\r\n")
        response = client.head()
        before = -1
        while written() != before or before <= 0:
            before = written()
            time.sleep(0.5)
        assert 0 < before < 60
        assert len(client.body(response).body) == 100_000_000
    progress.unlink()


def test_only_python_scripts_are_resident(programs):
    programs.install()
    with programs.serve("--cgi-mode", "resident") as server:
        for language in LANGUAGES * 2:
            answer = server.get(f"/program.{language}")
            assert (answer.status, answer.text) == (200, "document\n")
        said = [line for line in server.log().splitlines() if "it is executed, and not resident" in line]
        assert sorted(line.partition(": it is")[0].rpartition(".")[2] for line in said) == ["c", "pl", "sh"]


def test_a_resident_script_keeps_its_modules_and_nothing_else(programs):
    programs.write("kept.py", "count = 0\n", mode=0o644)
    programs.python(
        "resident.py",
        """
        import os, sys, kept
        kept.count += 1
        print("Content-Type: text/plain\\n")
        print(kept.count, os.environ["QUERY_STRING"], os.environ.get("MARK"), "mark" in globals(), __name__, sys.argv,
              os.getcwd(), sys.modules["__main__"].__dict__ is globals())
        os.environ["MARK"] = "1"
        sys.argv.append("x")
        mark = 1
        os.chdir("/")
        print("complaint", file=sys.stderr)
        if "exit" in os.environ["QUERY_STRING"]:
            sys.exit("said at the end")
        if "raise" in os.environ["QUERY_STRING"]:
            raise KeyError("of the script")
        """,
    )
    with programs.serve("--cgi-mode", f"{programs.path}=resident") as server:
        script = f"{programs.path}/resident.py"
        for number, query in enumerate(("a", "exit", "raise", "b"), 1):
            expected = f"{number} {query} None False __main__ {[script]} {programs.path} True\n"
            assert server.get(f"/resident.py?{query}").text == expected
        for text in ("complaint", "said at the end", "KeyError: 'of the script'"):
            assert script in server.wait_for_log(text) or text.startswith("KeyError")
        assert "_resident_cgi" not in server.log()
        programs.python("resident.py", 'print("Content-Type: text/plain\\n\\nchanged")\n', settled=False)
        assert server.get("/resident.py").text == "changed\n"
        programs.python("broken.py", "print(\n")
        assert server.get("/broken.py").status == 500
        server.wait_for_log("SyntaxError")


def test_the_environment_of_a_resident_script_is_that_of_its_processes_too(programs):
    programs.python(
        "environment.py",
        """
        import os, subprocess

        print("Content-Type: text/plain\\n")
        os.environ["ADDED"] = "1"
        os.environ["QUERY_STRING"] += "&changed"
        del os.environ["SCRIPT_NAME"]
        for number in range(100):
            os.environ[f"MANY_{number}"] = "x" * number
        seen = subprocess.run(["/usr/bin/env", "-0"], stdout=subprocess.PIPE).stdout.rstrip(b"\\0").split(b"\\0")
        told = dict(line.split(b"=", 1) for line in seen)
        print(told == dict(os.environb), told[b"QUERY_STRING"].decode(), len(told[b"MANY_99"]), "SCRIPT_NAME" in os.environ)
        print("OF_THE_WORKER" in os.environ, b"OF_THE_WORKER" in told)
        os.environ = {}
        """,
    )
    (programs.path / "of_the_worker.py").write_text(
        textwrap.dedent(
            """
            import os, subprocess

            os.environ["OF_THE_WORKER"] = "set"

            def application(environ, start_response):
                seen = subprocess.run(["/usr/bin/env"], stdout=subprocess.PIPE).stdout.decode().splitlines()
                start_response("200 OK", [("Content-Type", "text/plain")])
                names = "ADDED", "MANY_1", "QUERY_STRING", "OF_THE_WORKER"
                found = sorted(name for name in names if name in os.environ)
                os.environ["OF_THE_WORKER"] += "!"
                return [repr((found, [line for line in seen if line.startswith(names)])).encode()]
            """
        )
    )
    with programs.serve(
        "--cgi-mode", "resident", "--mount", "/wsgi=of_the_worker", "--pythonpath", str(programs.path)
    ) as server:
        for number in range(20):
            expected = f"True {number}&changed 99 False\nFalse False\n"
            assert server.get(f"/environment.py?{number}").text == expected
            expected = repr((["OF_THE_WORKER"], ["OF_THE_WORKER=set" + "!" * number]))
            assert server.get("/wsgi").text == expected


def test_a_resident_script_that_closes_the_standard_descriptors_closes_nobody_else_s(programs):
    programs.python("closes.py", 'import os\nprint("Content-Type: text/plain\\n\\nclosed")\nos.closerange(0, 3)\n')
    with programs.serve("--cgi-mode", "resident") as server:
        (worker,) = server.workers()
        for number in range(1, 4):
            assert server.get("/closes.py").text == "closed\n"
            programs.python(
                "speaks.py", f'import sys\nprint("Content-Type: text/plain\\n")\nsys.exit("said {number}")\n'
            )
            assert server.get("/speaks.py").status == 200
            server.wait_for_log(f"said {number}")
        assert server.workers() == [worker]


def test_the_threads_of_a_resident_script_end_with_it(programs):
    """The interpreter of a process waits for its threads, and stops daemons where they are."""
    programs.python(
        "threads.py",
        """
        import functools, threading, time

        def speak(text):
            time.sleep(0.3)
            print(text)

        def speak_for_ever():
            while True:
                time.sleep(0.05)
                print("daemon", flush=True)

        class Own(threading.Thread):
            def run(self):
                speak("of a class")

        def chain():
            threading.Thread(target=functools.partial(speak, "of a thread")).start()

        print("Content-Type: text/plain\\n", flush=True)
        threading.Thread(target=speak_for_ever, daemon=True).start()
        threading.Thread(target=chain).start()
        threading.Timer(0.2, speak, ["of a timer"]).start()
        Own().start()
        raise SystemExit
        """,
    )
    programs.python("others.py", 'import time\nprint("Content-Type: text/plain\\n", flush=True)\ntime.sleep(0.3)\n')
    programs.python(
        "count.py", 'import threading\nprint("Content-Type: text/plain\\n")\nprint(threading.active_count())\n'
    )
    for mode in MODES:
        with programs.serve("--cgi-mode", mode) as server:
            said = set(server.get("/threads.py").text.splitlines())
            assert said - {"daemon"} == {"of a class", "of a thread", "of a timer"}, mode
            assert server.get("/others.py").text == ""
            assert server.get("/count.py").text == "1\n"
            assert "Traceback" not in server.log()


def test_a_mode_may_be_that_of_a_directory(programs):
    for name in ("modes/a.py", "modes/b/a.py", "modes/b/c.py"):
        programs.python(
            name, 'import os, sys\nprint("Content-Type: text/plain\\n")\nprint(os.getpid(), os.getppid())\n'
        )
    base = programs.path / "modes"
    modes = [f"{base}=exec", f"{base}/b=resident", f"{base}/b/c.py=warm"]
    with programs.serve(*(part for mode in modes for part in ("--cgi-mode", mode))) as server:
        worker = server.workers()[0]
        pid, parent = (int(word) for word in server.get("/modes/a.py").text.split())
        assert parent == worker
        pid, parent = (int(word) for word in server.get("/modes/b/a.py").text.split())
        assert pid == worker
        pid, parent = (int(word) for word in server.get("/modes/b/c.py").text.split())
        assert worker not in (pid, parent)


def test_a_directory_that_is_none_is_refused_at_the_start(programs):
    from server import run_millau

    for target, message in (
        ("cgi:/no/such", "cannot load 'cgi:/no/such': there is no directory '/no/such'"),
        ("cgi:", "cannot load 'cgi:': there is no directory ''"),
        (f"cgi:{programs.path}/ok.sh", "is no directory"),
    ):
        result = run_millau("serve", target, "--bind", "127.0.0.1:0")
        assert result.returncode == 3 and message in result.stderr


def test_programs_do_not_hold_up_python_applications_beside_them(programs):
    programs.write("sleeps.sh", f"#!/bin/sh\n{HEAD}sleep 60\n")
    with Server("plain:hello", "--mount", f"/cgi={f'cgi:{programs.path}'}", cwd=APPS) as server:
        with server.client() as client:
            client.send(b"GET /cgi/sleeps.sh HTTP/1.1\r\nHost: h\r\n\r\n")
            time.sleep(0.3)
            assert server.get("/").status == 200
    deadline = time.monotonic() + PATIENCE
    while any(b"sleeps.sh" in command_line(entry) for entry in os.listdir("/proc") if entry.isdigit()):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def command_line(pid: str) -> bytes:
    try:
        return Path("/proc", pid, "cmdline").read_bytes()
    except OSError:
        return b""


def test_the_streams_of_a_resident_script_are_whole(programs):
    programs.python(
        "streams.py",
        """
        import io, os, sys

        sys.stdout, kept = io.StringIO(), sys.stdout
        print("captured")
        sys.stdout = sys.__stdout__
        print("Content-Type: text/plain\\n")
        for stream in (sys.stdin, sys.stdout, sys.stderr):
            try:
                number = stream.fileno()
            except io.UnsupportedOperation:
                number = None
            print(stream.isatty(), number, stream.errors, stream.closed, stream.buffer is not None)
        print(sys.stdout.encoding.lower(), sys.stdout is kept, __builtins__.__name__, __annotations__)
        print("a name with a stray byte: \\udcff")
        sys.stderr.buffer.write(b"bytes to standard error\\n")
        sys.stderr.write("\\ud800\\n")
        os.umask(0o777)
        """,
    )
    programs.python("mask.py", 'import os\nprint("Content-Type: text/plain\\n")\nprint(oct(os.umask(0o22)))\n')
    programs.python(
        "none.py", 'import sys\nprint("Content-Type: text/plain\\n\\nsaid", flush=True)\nsys.stdout = None\n'
    )
    programs.python(
        "taken.py",
        """
        import codecs, sys

        sys.stdout = codecs.getwriter("utf-8")(sys.stdout.detach())
        print("Content-Type: text/plain\\n\\n\\xe9")
        """,
    )
    with programs.serve("--cgi-mode", "resident") as server:
        before = server.get("/mask.py").text
        answer = server.get("/streams.py").body
        lines = answer.decode("utf-8", "surrogateescape").splitlines()
        assert lines == [
            "False None surrogateescape False True",
            "False None surrogateescape False True",
            "False None backslashreplace False True",
            "utf-8 True builtins {}",
            "a name with a stray byte: \udcff",
        ]
        server.wait_for_log("streams.py: bytes to standard error")
        server.wait_for_log("streams.py: \\ud800")
        assert server.get("/mask.py").text == before
        assert server.get("/none.py").text == "said\n"
        assert server.get("/taken.py").text == "\xe9\n"
        assert "Traceback" not in server.log()
    with programs.serve("--cgi-mode", "resident", "--cgi-env", "PYTHONIOENCODING=latin-1:replace") as server:
        assert b"latin-1 True" in server.get("/streams.py").body


@pytest.mark.parametrize("mode", ("warm", "resident"))
def test_a_script_with_a_hook_of_its_own_has_its_own_page(programs, mode):
    programs.python(
        "hook.py",
        """
        import sys

        def hook(*exception):
            print("Content-Type: text/plain\\n\\nmy own page")

        sys.excepthook = hook
        1 / 0
        """,
    )
    with programs.serve("--cgi-mode", mode, "--debug") as server:
        for _ in range(2):
            answer = server.get("/hook.py")
            assert (answer.status, answer.text) == (200, "my own page\n")
