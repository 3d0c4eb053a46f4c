"""The relay: a CGI program of native code in front of a server that it starts itself."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from server import APPS, PATIENCE, command_environment
from test_cgi_front import CGI, Answer, answer, run_cgi


class Site:
    """A folder with a CGI program, the commands that it needs, and a runtime directory of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # Not in the folder: the path of a socket must be short.
        self.run = Path(tempfile.mkdtemp(prefix="relay-"))
        self.millau = folder / "bin" / "millau"
        self.millau.parent.mkdir()
        self.millau.write_text(f"#!{sys.executable}\nimport sys\nfrom millau.__main__ import main\nsys.exit(main())\n")
        self.millau.chmod(0o755)
        self.program = folder / "site.cgi"

    def relay(self, *arguments: str, cwd: Path = APPS) -> subprocess.CompletedProcess[str]:
        """`millau relay site.cgi ARGUMENTS`."""
        return subprocess.run(
            [str(self.millau), "relay", str(self.program), *arguments],
            cwd=cwd,
            env=command_environment(),
            capture_output=True,
            text=True,
            timeout=2 * PATIENCE,
        )

    def write(self, *arguments: str, cwd: Path = APPS) -> None:
        result = self.relay(*arguments, cwd=cwd)
        assert result.returncode == 0, result.stderr

    def get(self, path: str = "/", *arguments: str, **env: str) -> Answer:
        env = {"XDG_RUNTIME_DIR": str(self.run)} | env
        return run_cgi(*arguments, command=[str(self.program)], path=path, cwd=Path("/"), **env)

    def post(self, path: str, body: bytes, **env: str) -> Answer:
        env = {"XDG_RUNTIME_DIR": str(self.run)} | env
        return run_cgi(command=[str(self.program)], path=path, body=body, cwd=Path("/"), **env)

    def sockets(self) -> list[Path]:
        return sorted(self.run.glob("millau/*.sock"))

    def server(self) -> int | None:
        """The number of the process that listens, if one does."""
        for path in self.sockets():
            with socket.socket(socket.AF_UNIX) as sock:
                try:
                    sock.connect(str(path))
                except OSError:
                    continue
                credentials = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
                return struct.unpack("3i", credentials)[0]
        return None

    def log(self) -> str:
        return "".join(path.read_text() for path in self.run.glob("millau/*.log"))

    def stop(self) -> None:
        server = self.server()
        if server:
            os.kill(server, signal.SIGTERM)
            # Servers before it have written to the same log. What is stopped has taken its socket away.
            self.wait_until(lambda: f"[{server}] stopped" in self.log())

    def wait_until(self, condition) -> None:
        for _ in range(int(PATIENCE * 50)):
            if condition():
                return
            time.sleep(0.02)
        raise AssertionError(f"waited in vain; log:\n{self.log()}")


@pytest.fixture
def site(tmp_path) -> Iterator[Site]:
    site = Site(tmp_path)
    yield site
    site.stop()
    shutil.rmtree(site.run)


# Writing it


def test_the_command_writes_the_relay_and_a_script_that_names_it(site):
    result = site.relay("plain", "--threads", "4", "--no-preload", "--mount", "/a b=plain")
    relay = site.millau.with_name("millau-relay")
    assert result.returncode == 0, result.stderr
    assert site.program.read_text().splitlines() == [
        f"#!{relay}",
        "plain",
        f"--chdir {APPS}",
        '--mount "/a b=plain"',
        "--threads 4",
        "--no-preload",
    ]
    assert relay.stat().st_mode & 0o777 == site.program.stat().st_mode & 0o777 == 0o755
    assert relay.stat().st_size < 1_000_000
    assert str(relay) in result.stdout and f"touch {site.program}" in result.stdout
    site.write("plain")  # it may be written again


def test_it_writes_the_relay_beside_the_script_where_the_commands_folder_is_not_writable(site):
    commands = site.millau.parent
    commands.chmod(0o555)
    try:
        if os.access(commands, os.W_OK):
            pytest.skip("the superuser may write everywhere")
        site.write("plain")
    finally:
        commands.chmod(0o755)
    assert site.program.read_text().startswith(f"#!{site.folder}/millau-relay --millau={site.millau}\n")


def test_it_overwrites_nothing_else(site):
    site.program.write_text("#!/bin/sh\necho mine\n")
    result = site.relay("plain")
    assert result.returncode == 1 and "is no script of the relay" in result.stderr
    assert site.program.read_text() == "#!/bin/sh\necho mine\n"
    assert site.relay("plain", "--threads", "x").returncode == 2


# Requests


def test_the_first_request_starts_the_server_and_all_are_answered_by_it(site):
    site.write("plain")
    first, second = site.get("/pid"), site.get("/pid")
    assert (first.code, first.status, first.errors) == (0, "200 OK", "")
    assert first.body == second.body
    (path,) = site.sockets()
    assert path.stat().st_mode & 0o777 == 0o600
    assert (site.run / "millau").stat().st_mode & 0o777 == 0o700


def test_requests_that_come_together_start_one_server(site):
    site.write("plain")
    answers: list[Answer] = []
    threads = [threading.Thread(target=lambda: answers.append(site.get("/pid"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [a.status for a in answers] == ["200 OK"] * 8
    assert len({a.body for a in answers}) == 1
    assert site.log().count("listening on") == 1


@pytest.mark.parametrize(
    ("path", "extra"),
    [
        ("", {"REQUEST_URI": "/site.cgi"}),
        ("/", {}),
        ("/a b", {"REQUEST_URI": "/site.cgi/a%20b?x=%20", "QUERY_STRING": "x=%20"}),
        ("/a//b", {"REQUEST_URI": "/site.cgi/a//b"}),
        (
            "/x",
            {"HTTPS": "on", "HTTP_HOST": "h:8443", "SERVER_PORT": "8443", "AUTH_TYPE": "Basic", "REMOTE_USER": "me"},
        ),
        ("/x", {"FROM_THE_SERVER": "z", "SCRIPT_FILENAME": "/srv/site.cgi", "HTTP_COOKIE": "a=b"}),
    ],
)
def test_the_application_sees_what_it_sees_as_a_program_of_its_own(site, path, extra):
    def environ(answer: Answer) -> dict[str, object]:
        environ = json.loads(answer.body)["environ"]
        ours = ("wsgi.", "PYTHON", "MILLAU_", "XDG_RUNTIME_DIR", "TEST_")
        return {key: value for key, value in environ.items() if not key.startswith(ours)}

    site.write("environs")
    plain = run_cgi("environs", path=path, **extra)
    assert environ(site.get(path, **extra)) == environ(plain)


def test_only_a_method_that_has_a_body_has_a_length_of_none(site):
    site.write("environs")
    for method, length in {"GET": None, "DELETE": None, "POST": "0", "PUT": "0", "PATCH": "0"}.items():
        for sent in ({}, {"CONTENT_LENGTH": ""}, {"CONTENT_LENGTH": "0"}):
            environ = json.loads(site.get("/x", REQUEST_METHOD=method, **sent).body)["environ"]
            assert environ.get("CONTENT_LENGTH") == length, (method, sent)


def test_bodies_arrive_whole_with_and_without_a_length(site):
    site.write("plain")
    for size in (0, 5, 300_000, 3_000_000):
        for length in ({}, {"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked"}):
            result = site.post("/request", b"x" * size, **length)
            assert json.loads(result.body)["length"] == size, (size, length)


def test_no_more_than_the_body_is_read(site):
    site.write("inputs")
    result = site.post("/script", b"12345 and more", CONTENT_LENGTH="5", QUERY_STRING="read()")
    assert result.body == b"b'12345'"


def test_a_body_that_is_cut_is_in_the_log_of_the_server(site):
    site.write("threads")
    cut = site.post("/body", b"12345", CONTENT_LENGTH="10")
    assert cut.status == "400 Bad Request"
    (line,) = [line for line in site.log().splitlines() if "POST /site.cgi/body" in line]
    assert " WARN " in line and line.endswith("the connection was closed in the middle of the body")


def test_an_environment_that_is_too_large_is_refused_and_the_log_names_the_setting(site):
    site.write("environs")
    refused = site.get(SSL_CLIENT_CERT="x" * 100_000)
    assert (refused.status, b"--limit" in refused.body) == ("431 Request Header Fields Too Large", False)
    (line,) = [line for line in site.log().splitlines() if "refused with 431" in line]
    assert line.endswith("(--limit-head-size, --limit-fields)")
    site.stop()
    site.write("environs", "--limit-head-size", "200k")
    environ = json.loads(site.get(SSL_CLIENT_CERT="x" * 100_000).body)["environ"]
    assert environ["SSL_CLIENT_CERT"] == "x" * 100_000


def test_a_large_response_and_one_without_a_body(site):
    site.write("plain")
    result = site.get("/bytes_of_size", QUERY_STRING="n=3000000&length=1")
    assert (result.code, len(result.body)) == (0, 3_000_000)
    result = site.get("/hello", REQUEST_METHOD="HEAD")
    assert (result.status, result.fields["Content-Length"], result.body) == ("200 OK", "5", b"")


def test_each_block_arrives_before_the_next_is_made(site, gate):
    site.write("plain")
    variables = CGI | {"PATH_INFO": "/gate_within", "XDG_RUNTIME_DIR": str(site.run)}
    # The server keeps nothing of the request's environment, so the gate is named where the server looks.
    site.program.write_text(site.program.read_text() + f"--pythonpath {site.folder}\n")
    (site.folder / "gated.py").write_text(
        f"import os\nos.environ.update({gate.environment!r})\nfrom plain import application\n"
    )
    site.program.write_text(site.program.read_text().replace("\nplain\n", "\ngated\n"))
    process = subprocess.Popen([str(site.program)], env=command_environment(variables), stdout=subprocess.PIPE)
    received = b""
    while not received.endswith(b"first "):
        received += os.read(process.stdout.fileno(), 1000)
    gate.next("within").open()
    assert process.stdout.read() == b"second" and process.wait(PATIENCE) == 0


def test_a_client_that_is_gone_ends_the_application(site):
    site.write("printing")
    variables = CGI | {"PATH_INFO": "/endless", "XDG_RUNTIME_DIR": str(site.run)}
    process = subprocess.Popen([str(site.program)], env=command_environment(variables), stdout=subprocess.PIPE)
    assert process.stdout.read(5000)
    process.stdout.close()
    assert process.wait(PATIENCE) != 0
    site.wait_until(lambda: "closed" in site.log())


def test_arguments_are_the_clients_and_count_for_nothing(site):
    site.write("plain")
    for arguments in (["--help"], ["--millau=/bin/false"], ["x"]):
        assert site.get("/hello", *arguments).body == b"hello"


def test_nothing_of_a_request_stays_in_the_servers_environment(site):
    (site.folder / "shows.py").write_text(
        "import json, os\n"
        "def application(environ, start_response):\n"
        "    start_response('200 OK', [('Content-Type', 'text/plain')])\n"
        "    return [json.dumps(dict(os.environ)).encode()]\n"
    )
    site.write("shows", cwd=site.folder)
    environment = json.loads(site.get("/", HTTP_COOKIE="secret", REMOTE_USER="me", LC_ALL="C").body)
    assert not {"HTTP_COOKIE", "REMOTE_USER", "PATH_INFO", "REQUEST_METHOD"} & set(environment)
    assert environment["LC_ALL"] == "C"


# Ends and beginnings


def test_a_process_that_dies_during_a_request_is_a_bad_gateway_and_the_next_request_works(site):
    (site.folder / "mortal.py").write_text(
        "import os, signal\n"
        "def application(environ, start_response):\n"
        "    environ['wsgi.input'].read()\n"
        "    if environ['PATH_INFO'] == '/die':\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    start_response('200 OK', [('Content-Type', 'text/plain')])\n"
        "    return [b'alive']\n"
    )
    site.write("mortal", cwd=site.folder)
    for _ in range(2):
        result = site.get("/die")
        assert (result.code, result.status) == (0, "502 Bad Gateway")
        assert "the server ended while it answered GET /site.cgi/die" in result.errors
        assert site.get("/").body == b"alive"
    assert site.post("/die", b"x" * 500_000).status == "502 Bad Gateway"
    assert site.get("/").body == b"alive"


def test_a_server_that_was_killed_is_started_anew(site):
    site.write("plain")
    site.get("/pid")
    os.kill(site.server(), signal.SIGKILL)
    site.wait_until(lambda: site.server() is None)
    result = site.get("/hello")
    assert (result.body, result.errors) == (b"hello", "")


def test_a_script_that_was_changed_starts_the_server_anew(site):
    site.write("plain")
    first = site.get("/pid").body
    server = site.server()
    site.program.write_text(site.program.read_text().replace("\nplain\n", "\nfiles\n"))
    assert site.get("/pid").body == b"no such case: pid"
    assert site.server() != server
    site.write("plain")
    assert site.get("/pid").body not in (first, b"no such case: pid")


@pytest.mark.slow
def test_a_request_that_meets_the_end_of_an_idle_server_is_answered(site):
    site.write("plain", "--exit-when-idle", "0.15")
    chance = random.Random(7)
    for _ in range(40):
        result = site.get("/hello")
        assert (result.body, result.errors) == (b"hello", "")
        time.sleep(chance.uniform(0.1, 0.25))
    assert site.log().count("no connection for") > 1
    site.wait_until(lambda: not site.sockets())


# Without a server


def test_an_application_that_cannot_be_loaded_says_so_to_the_web_server(site):
    broken = site.folder / "broken.py"
    broken.write_text("raise RuntimeError('on purpose')\n")
    site.write("broken", cwd=site.folder)
    for _ in range(2):
        result = site.get("/")
        assert (result.code, result.status) == (3, "500 Internal Server Error")
        assert "RuntimeError: on purpose" in result.errors
    # Not every request waits for the next failure.
    assert site.log().count("listening on") == 1
    broken.write_text((APPS / "plain.py").read_text())
    for name in ("cases.py", "gate.py"):
        shutil.copy(APPS / name, site.folder)
    os.utime(site.program)
    result = site.get("/pid")
    assert (result.status, result.errors) == ("200 OK", "")
    assert site.get("/pid").body == result.body


def test_where_no_server_may_be_started_the_request_is_answered_by_a_process_of_its_own(site):
    site.write("environs")
    place = site.run / "millau"
    place.mkdir(mode=0o755)
    place.chmod(0o755)
    result = site.get("/x")
    assert json.loads(result.body)["environ"]["wsgi.run_once"] is True
    assert "is not a directory that only this user" in result.errors and result.code == 0
    assert site.server() is None
    site.program.write_text(site.program.read_text().replace("environs", "plain"))
    for length in ({}, {"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked"}):
        assert json.loads(site.post("/request", b"x" * 300_000, **length).body)["length"] == 300_000


def test_a_command_that_is_gone_is_an_internal_error(site):
    site.write("plain")
    site.millau.unlink()
    result = site.get("/hello")
    assert (result.code, result.status) == (0, "500 Internal Server Error")
    assert f"cannot start {site.millau}" in result.errors


def test_a_body_that_nobody_wants_is_read_before_the_end(site):
    """Apache hands over all of it before it looks at the response."""
    site.write("plain")
    site.millau.unlink()
    variables = {"REQUEST_METHOD": "POST", "SCRIPT_NAME": "/site.cgi", "CONTENT_LENGTH": "1000000", "PATH": os.defpath}
    environment = variables | {"XDG_RUNTIME_DIR": str(site.run)}
    process = subprocess.Popen(
        [str(site.program)], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    with process:
        assert process.stdout.read(11) == b"Status: 500"
        process.stdin.write(b"x" * 1_000_000)  # raises where the other end is gone
        process.stdin.close()
        assert process.wait(PATIENCE) == 0


def test_it_says_what_it_is_for_when_it_is_started_by_hand(site):
    site.write("plain")
    relay = site.millau.with_name("millau-relay")
    process = subprocess.run([str(relay)], capture_output=True, timeout=PATIENCE)
    assert process.returncode == 2 and process.stdout == b""
    assert b"first line of a CGI program" in process.stderr
    assert answer(process).status == ""
