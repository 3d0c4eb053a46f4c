"""`millau cgi`: one request from the environment and standard input, and nothing but its response on standard output."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from server import APPS, PATIENCE, command_environment

CGI = {
    "GATEWAY_INTERFACE": "CGI/1.1",
    "REQUEST_METHOD": "GET",
    "SERVER_NAME": "site.example",
    "SERVER_PORT": "80",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "REMOTE_ADDR": "192.0.2.7",
    "QUERY_STRING": "",
}


@dataclass
class Answer:
    code: int
    status: str
    fields: dict[str, str]
    body: bytes
    errors: str
    raw: bytes


def answer(process: subprocess.CompletedProcess[bytes]) -> Answer:
    """The parts of a response in CGI's form; anything before or between them makes the test fail."""
    head, end, body = process.stdout.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n") if end else []
    fields = dict(line.split(": ", 1) for line in lines)
    errors = process.stderr.decode(errors="replace")
    return Answer(process.returncode, fields.pop("Status", ""), fields, body, errors, process.stdout)


def run_cgi(
    *arguments: str,
    path: str = "/",
    body: bytes | None = None,
    cwd: Path = APPS,
    command: list[str] | None = None,
    **env: str,
) -> Answer:
    variables = CGI | {"SCRIPT_NAME": "/site.cgi", "PATH_INFO": path, "REQUEST_URI": f"/site.cgi{path}"}
    if body is not None:
        variables |= {"REQUEST_METHOD": "POST", "CONTENT_LENGTH": str(len(body))}
    variables |= env
    command = command or [sys.executable, "-m", "millau", "cgi"]
    process = subprocess.run(
        [*command, *arguments],
        cwd=cwd,
        env=command_environment(variables),
        input=body or b"",
        capture_output=True,
        timeout=2 * PATIENCE,
    )
    return answer(process)


def script(folder: Path, text: str, name: str = "site.cgi") -> Path:
    file = folder / name
    file.write_text(text)
    file.chmod(0o755)
    return file


# The request


def test_the_application_sees_the_request_and_knows_that_it_is_the_only_one():
    result = run_cgi("environs", path="/a b", QUERY_STRING="x=1", HTTP_X_SENT="y", FROM_THE_SERVER="z")
    environ = json.loads(result.body)["environ"]
    assert result.status == "200 OK" and result.code == 0
    expected = {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "/site.cgi",
        "PATH_INFO": "/a b",
        "QUERY_STRING": "x=1",
        "HTTP_X_SENT": "y",
        "FROM_THE_SERVER": "z",
        "REMOTE_ADDR": "192.0.2.7",
        "SERVER_NAME": "site.example",
        "wsgi.run_once": True,
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.url_scheme": "http",
    }
    assert {key: environ[key] for key in expected} == expected


def test_the_program_itself_has_an_empty_path():
    environ = json.loads(run_cgi("environs", PATH_INFO="", REQUEST_URI="/site.cgi").body)["environ"]
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == ("/site.cgi", "")


def test_exactly_the_announced_body_is_read():
    result = run_cgi("inputs", path="/script", body=b"12345 and more", CONTENT_LENGTH="5", QUERY_STRING="read()")
    assert result.body == b"b'12345'"


def test_a_body_without_a_length_is_read_to_its_end_when_it_was_chunked():
    for size in (10, 3_000_000):
        result = run_cgi(
            "plain", path="/request", body=b"x" * size, CONTENT_LENGTH="", HTTP_TRANSFER_ENCODING="chunked"
        )
        assert json.loads(result.body)["length"] == size
    assert json.loads(run_cgi("plain", path="/request", body=b"x", CONTENT_LENGTH="").body)["length"] == 0


def test_a_body_that_is_cut_is_told_to_whoever_looks_after_the_web_server():
    result = run_cgi("threads", path="/body", body=b"12345", CONTENT_LENGTH="10")
    assert (result.code, result.raw) == (1, b"")
    (line,) = result.errors.splitlines()
    assert "WARN" in line
    assert line.endswith("POST /site.cgi/body: peer error: the web server ended the request's body early")


def test_limits_and_bad_requests_are_answered_before_the_application():
    assert run_cgi("plain", "--limit-body-size", "3", path="/request", body=b"four").status.startswith("413 ")
    assert run_cgi("plain", path="/hello", CONTENT_LENGTH="x").status.startswith("400 ")
    result = run_cgi("plain", path="/hello", REQUEST_METHOD="")
    assert result.status.startswith("400 ") and "REQUEST_METHOD" in result.errors


# The response


def test_the_answer_to_head_has_no_body():
    result = run_cgi("plain", path="/hello", REQUEST_METHOD="HEAD")
    assert (result.status, result.fields["Content-Length"], result.body) == ("200 OK", "5", b"")


def test_what_is_printed_never_reaches_the_response():
    result = run_cgi("printing", path="/body", body=b"and end")
    assert (result.code, result.status, result.body) == (0, "200 OK", b"begin and end")
    for text in (
        "printed while imported",
        "written to descriptor 1",
        "printed by a child while imported",
        "printed in the call",
        "written in the call",
        "printed by a child",
        "printed at the end",
    ):
        assert text in result.errors


def test_a_child_that_comes_back_from_the_call_answers_nothing():
    result = run_cgi("closing", path="/forks")
    assert result.raw.count(b"Status:") == 1 and result.body == b"once"


def test_a_child_that_lives_on_does_not_hold_the_response_open():
    result = run_cgi("printing", path="/leaves_a_child")
    assert result.body == b"left"


def test_a_thread_may_finish_after_the_response():
    result = run_cgi("printing", path="/thread")
    assert result.body == b"started" and "the thread is done" in result.errors


def test_a_large_response_arrives_whole():
    result = run_cgi("plain", path="/bytes_of_size", QUERY_STRING="n=3000000&length=1")
    assert (result.code, len(result.body)) == (0, 3_000_000)


def test_each_block_is_written_before_the_next_is_made(gate):
    variables = CGI | {"PATH_INFO": "/gate_within"} | gate.environment
    process = subprocess.Popen(
        [sys.executable, "-m", "millau", "cgi", "plain"],
        cwd=APPS,
        env=command_environment(variables),
        stdout=subprocess.PIPE,
    )
    received = b""
    while not received.endswith(b"first "):
        received += os.read(process.stdout.fileno(), 1000)
    gate.next("within").open()
    assert process.stdout.read() == b"second" and process.wait(PATIENCE) == 0


def test_a_client_that_is_gone_ends_the_application():
    variables = CGI | {"PATH_INFO": "/endless"}
    process = subprocess.Popen(
        [sys.executable, "-m", "millau", "cgi", "printing"],
        cwd=APPS,
        env=command_environment(variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout.read(5000)
    process.stdout.close()
    assert b"closed" in process.stderr.read()
    assert process.wait(PATIENCE) != 0


def test_a_program_that_is_ended_behind_its_whole_response_closes_what_it_has_open():
    """lighttpd ends a program as soon as it has all that the response's length promised."""
    process = subprocess.Popen(
        [sys.executable, "-m", "millau", "cgi", "printing"],
        cwd=APPS,
        env=command_environment(CGI | {"PATH_INFO": "/whole"}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
    )
    read = b""
    while not read.endswith(b"\r\n\r\nwhole"):
        piece = process.stdout.read(1000)
        assert piece, process.communicate()
        read += piece
    process.terminate()
    _, errors = process.communicate(timeout=PATIENCE)
    assert errors.count(b"closed") == 1 and b"Traceback" not in errors
    assert process.returncode == 0


@pytest.mark.parametrize("case", ["endless", "endless_at_once"])
def test_a_program_that_the_web_server_ends_closes_what_it_has_open(case):
    variables = CGI | {"PATH_INFO": f"/{case}"}
    process = subprocess.Popen(
        [sys.executable, "-m", "millau", "cgi", "printing"],
        cwd=APPS,
        env=command_environment(variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    # It writes until nobody reads any more, or sleeps between two blocks.
    assert process.stdout.read(5000)
    process.terminate()
    _, errors = process.communicate(timeout=PATIENCE)
    assert errors.count(b"closed") == 1 and b"Traceback" not in errors
    assert process.returncode == 1


# Failures


def test_an_exception_is_a_plain_answer_and_a_traceback_in_the_log():
    result = run_cgi("plain", path="/fail")
    assert (result.code, result.status, result.body) == (0, "500 Internal Server Error", b"Internal Server Error\n")
    assert "ValueError: on purpose" in result.errors


def test_a_response_that_breaks_off_is_not_made_whole():
    result = run_cgi("plain", path="/fail_in_stream")
    assert (result.code, result.status) == (1, "200 OK") and len(result.body) <= 1000
    result = run_cgi("failing", path="/mid_stream_with_length/Own")
    assert result.code == 1 and len(result.body) < int(result.fields["Content-Length"])


def test_an_application_that_cannot_be_imported_is_a_plain_answer(tmp_path):
    (tmp_path / "broken.py").write_text("print('printed')\nraise RuntimeError('on purpose')\n")
    result = run_cgi("broken", cwd=tmp_path)
    assert (result.code, result.status, result.body) == (3, "500 Internal Server Error", b"Internal Server Error\n")
    assert "RuntimeError: on purpose" in result.errors and "Mend what the traceback names" in result.errors
    assert run_cgi("absent", cwd=tmp_path, REQUEST_METHOD="HEAD").body == b""


def test_a_wrong_command_line_is_a_plain_answer():
    result = run_cgi("plain", "--bnid", "x")
    assert (result.code, result.status) == (2, "500 Internal Server Error")
    assert "did you mean '--bind'?" in result.errors


# Scripts


@pytest.fixture
def program(tmp_path):
    """A script below a folder of its own, beside its application."""
    (tmp_path / "shop.py").write_text(
        "def application(environ, start_response):\n"
        "    start_response('200 OK', [('Content-Type', 'text/plain')])\n"
        "    return [environ['PATH_INFO'].encode()]\n"
    )
    launcher = tmp_path / "bin" / "millau"
    launcher.parent.mkdir()
    launcher.write_text(f"#!{sys.executable}\nimport sys\nfrom millau.__main__ import main\nsys.exit(main())\n")
    launcher.chmod(0o755)
    return lambda text, name="site.cgi": script(tmp_path, f"#!{launcher} cgi\n{text}", name)


def test_a_script_is_a_program_and_its_folder_the_current_one(program):
    file = program("# The shop\nshop --log-level debug\n")
    result = run_cgi(command=[str(file)], cwd=Path("/"), path="/here")
    assert (result.code, result.body) == (0, b"/here"), result.errors


def test_arguments_that_follow_a_script_are_the_clients_and_count_for_nothing(program):
    # RFC 3875 §4.4: a query without '=' is handed over as arguments. php-cgi took such for options (CVE-2012-1823).
    file = program("shop")
    for arguments in (["--help"], ["--pythonpath", "/tmp"], ["other"], ["--version"]):
        result = run_cgi(*arguments, command=[str(file)], cwd=Path("/"), path="/here")
        assert (result.code, result.body) == (0, b"/here"), result.errors


def test_a_script_that_says_nothing_is_a_plain_answer(program):
    result = run_cgi(command=[str(program("\n"))])
    assert (result.code, result.status) == (2, "500 Internal Server Error")
    assert "names no application" in result.errors


def test_a_script_may_be_served_as_well(program):
    file = program("shop --bind http://127.0.0.1:0")
    process = subprocess.Popen(
        [sys.executable, "-m", "millau", "serve", str(file), "--log-level", "info"],
        cwd="/",
        env=command_environment(),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert any(" ready: generation 1" in line for line in process.stderr)
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
