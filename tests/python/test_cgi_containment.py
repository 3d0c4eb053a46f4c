"""CGI programs that do what they should not are contained: the client hears of it, and nothing of them stays."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Iterator

import pytest
from cgi_programs import SOURCES, Programs, zombies_of
from client import BrokenResponse, request_bytes
from server import PATIENCE, Server

MODES = ("exec", "warm")


def unruly() -> Programs:
    programs = Programs()
    shutil.copy(SOURCES / "unruly.py", programs.path)
    (programs.path / "unruly.py").chmod(0o755)
    return programs


@pytest.fixture(scope="module")
def programs() -> Iterator[Programs]:
    with unruly() as programs:
        yield programs


@pytest.fixture(scope="module", params=MODES)
def server(programs, request) -> Iterator[Server]:
    with programs.serve(
        "--cgi-mode", request.param, "--cgi-timeout", "1", "--cgi-limit-output", "10M", "--cgi-warm-interpreters", "1"
    ) as server:
        assert server.get("/unruly.py?harmless").text == "harmless\n"
        yield server


def programs_left(programs: Programs) -> list[str]:
    """The command lines of what runs, without warm interpreters and the children that they keep ready: those wait in
    recvmsg for a job, all others do something else."""
    left = []
    for process in programs.processes():
        try:
            wait = open(f"/proc/{process.pid}/syscall").read().split()[0]
            line = open(f"/proc/{process.pid}/cmdline", "rb").read().replace(b"\0", b" ").decode()
        except (FileNotFoundError, ProcessLookupError):
            continue
        ready = "_warm_cgi.py" in line and wait in RECVMSG_OR_POLL
        if not ready and process.state != "Z":
            left.append(f"{process} {line} in system call {wait}")
    return left


RECVMSG_OR_POLL = {"47", "7", "212", "73"}
"""recvmsg and poll on x86-64; recvmsg and ppoll on AArch64."""


def assert_nothing_is_left(programs: Programs, server: Server) -> None:
    deadline = time.monotonic() + PATIENCE
    while (left := programs_left(programs)) or (zombies := zombies_of(server)):
        assert time.monotonic() < deadline, f"still there: {left or zombies}"
        time.sleep(0.05)
    assert server.get("/unruly.py?harmless").text == "harmless\n"


@pytest.mark.slow
@pytest.mark.parametrize("what", ["loops", "forks", "ignores-SIGTERM", "stops-itself"])
def test_a_program_that_says_nothing_is_ended_with_all_that_it_started(programs, server, what):
    assert server.get(f"/unruly.py?{what}").status == 504
    assert_nothing_is_left(programs, server)


@pytest.mark.slow
def test_a_program_that_stops_in_the_middle_leaves_a_visibly_broken_response(programs, server):
    with pytest.raises(BrokenResponse) as broken:
        server.get("/unruly.py?begins-and-loops")
    assert broken.value.partial.body == b"begun\n"
    assert_nothing_is_left(programs, server)


@pytest.mark.slow
@pytest.mark.parametrize("what", ["closes-its-output", "closes-everything", "leaves-children"])
def test_what_goes_on_after_the_response_is_ended_in_its_time(programs, server, what):
    assert server.get(f"/unruly.py?{what}").text == "done\n"
    assert_nothing_is_left(programs, server)


def test_a_program_that_writes_for_ever_is_cut(programs, server):
    with pytest.raises(BrokenResponse) as broken:
        server.get("/unruly.py?writes-for-ever")
    assert len(broken.value.partial.body) <= 10 * 1024 * 1024
    assert_nothing_is_left(programs, server)


@pytest.mark.slow
def test_a_program_that_only_complains_is_ended(programs, server):
    with pytest.raises(BrokenResponse):
        server.get("/unruly.py?complains-for-ever")
    assert_nothing_is_left(programs, server)
    assert len(server.log()) < 10_000_000


@pytest.mark.parametrize("what", ["dumps-core", "ends-at-once"])
def test_a_program_that_dies_without_a_word_gets_500(programs, server, what):
    assert server.get(f"/unruly.py?{what}").status == 500
    assert_nothing_is_left(programs, server)
    assert not [name for name in os.listdir(programs.path) if name.startswith("core")]


def test_a_response_that_is_shorter_than_promised_is_visibly_broken(programs, server):
    with pytest.raises(BrokenResponse):
        server.get("/unruly.py?dumps-core-in-the-middle")
    assert_nothing_is_left(programs, server)


def test_a_signal_in_the_middle_of_a_response_leaves_it_visibly_broken(programs, server):
    with pytest.raises(BrokenResponse) as broken:
        server.get("/unruly.py?is-killed=later")
    assert broken.value.partial.body == b"begun\n"
    server.wait_for_log("was ended by signal 9")
    server.wait_for_log("in the middle of its response")
    assert_nothing_is_left(programs, server)


def test_what_was_not_sent_before_a_signal_is_replaced_by_an_error(programs, server):
    """A server that is slow to see the signal may have sent the beginning: then that is what is broken."""
    try:
        answer = server.get("/unruly.py?is-killed=at-once")
    except BrokenResponse as broken:
        assert broken.partial.status == 200
    else:
        assert answer.status == 500
        assert b"begun" not in answer.body


def test_a_promised_length_that_was_kept_is_a_whole_response_whatever_comes_then(programs, server):
    assert server.get("/unruly.py?is-killed=when-all-is-said").text == "begun\n"


def test_a_program_that_ends_by_itself_has_said_all_that_it_wanted(programs, server):
    assert server.get("/unruly.py?leaves-by-the-window").text == "done\n"
    server.wait_for_log("ended with exit status 3")
    assert server.get("/unruly.py?becomes-another").text == "begun\nended\n"
    assert_nothing_is_left(programs, server)
    assert "before it had said how it ended" not in server.log()


@pytest.mark.slow
@pytest.mark.parametrize("what", ["loops", "forks", "begins-and-loops", "writes-for-ever", "ignores-SIGTERM"])
@pytest.mark.parametrize("mode", MODES)
def test_a_client_that_leaves_ends_its_program(programs, mode, what):
    with programs.serve("--cgi-mode", mode, "--cgi-timeout", "1h", "--cgi-limit-output", "0") as server:
        for leave in ("close", "reset"):
            client = server.client()
            client.send(f"GET /unruly.py?{what} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
            if what in ("begins-and-loops", "writes-for-ever"):
                client.head()
            else:
                server.wait_until(lambda: programs_left(programs), "the program runs")
            getattr(client, leave)()
            assert_nothing_is_left(programs, server)


@pytest.mark.slow
def test_a_client_that_only_closes_its_sending_side_gets_its_response(programs, server):
    programs.python("slow.py", "import time\ntime.sleep(0.2)\nprint('Content-Type: text/plain\\n\\nslow')\n")
    with server.client() as client:
        client.send(b"GET /slow.py HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        client.half_close()
        assert client.response().text == "slow\n"


def test_no_program_starts_for_a_client_that_left_while_it_waited(programs):
    started = programs.folder / "started"
    text = f"#!/bin/sh\necho $QUERY_STRING >> {started}\nprintf 'Content-Type: text/plain\\n\\n'\nsleep $QUERY_STRING\n"
    programs.write("notes.sh", text)
    started.touch()
    with programs.serve("--cgi-children", "1") as server:
        first = server.client()
        first.send(request_bytes(target="/notes.sh?4"))
        server.wait_until(lambda: started.read_text() == "4\n", "the first has its place")
        for _ in range(4):
            with server.client() as client:
                client.send(request_bytes(target="/notes.sh?9"))
        assert first.response().status == 200
        first.close()
        assert server.get("/notes.sh?0").status == 200
    assert started.read_text() == "4\n0\n"


@pytest.mark.parametrize("mode", MODES)
def test_requests_wait_for_a_place_and_what_is_too_many_gets_503(programs, mode):
    programs.python(
        "waits.py",
        """
        import os, time
        while not os.path.exists("go"):
            time.sleep(0.01)
        print("Content-Type: text/plain\\n\\nwaited")
        """,
    )
    gate = programs.path / "go"
    try:
        with programs.serve("--cgi-mode", mode, "--cgi-children", "1", "--cgi-queue", "1") as server:
            clients = [server.client() for _ in range(3)]
            for client in clients:
                client.send(b"GET /waits.py HTTP/1.1\r\nHost: h\r\n\r\n")
                time.sleep(0.3)
            assert clients[2].response().status == 503
            gate.touch()
            assert [client.response().text for client in clients[:2]] == ["waited\n"] * 2
            for client in clients:
                client.close()
    finally:
        gate.unlink(missing_ok=True)


@pytest.mark.parametrize("mode", MODES)
def test_the_kernel_holds_a_program_to_its_limits(programs, mode):
    programs.python(
        "limits.py",
        """
        import resource
        names = ("RLIMIT_CPU", "RLIMIT_AS", "RLIMIT_CORE", "RLIMIT_NPROC")
        print("Content-Type: text/plain\\n")
        print([resource.getrlimit(getattr(resource, name))[0] for name in names])
        """,
    )
    limits = ["--cgi-limit-cpu", "5", "--cgi-limit-memory", "1G", "--cgi-limit-processes", "4000"]
    with programs.serve("--cgi-mode", mode, *limits) as server:
        assert server.get("/limits.py").text == f"{[5, 1024**3, 0, 4000]}\n"


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_programs_end_with_their_worker(mode):
    # A directory of its own: in the other one another server's programs run.
    with unruly() as programs:
        for what in ("loops", "ignores-SIGTERM", "closes-its-output", "leaves-children"):
            with programs.serve("--cgi-mode", mode, "--cgi-timeout", "1h", "--graceful-timeout", "2") as server:
                with server.client() as client:
                    client.send(f"GET /unruly.py?{what} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
                    if what in ("closes-its-output", "leaves-children"):
                        client.response()
                    server.wait_until(lambda: programs_left(programs), "the program runs")
                    assert server.stop() == 0
            deadline = time.monotonic() + PATIENCE
            while left := programs.processes():
                assert time.monotonic() < deadline, f"{what}: still there: {left}"
                time.sleep(0.05)


@pytest.mark.parametrize("mode", MODES)
def test_programs_do_not_outlive_a_worker_that_is_killed(mode):
    with unruly() as programs:
        for what in ("loops", "ignores-SIGTERM", "leaves-children"):
            with programs.serve("--cgi-mode", mode, "--cgi-timeout", "1h", check=False) as server:
                (worker,) = server.workers()
                with server.client() as client:
                    client.send(f"GET /unruly.py?{what} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
                    if what == "leaves-children":
                        client.response()
                    server.wait_until(lambda: programs_left(programs), "the program runs")
                    os.kill(worker, signal.SIGKILL)
                    server.wait_until(lambda: not programs_left(programs), f"nothing of {what} is left")
                assert server.get("/unruly.py?harmless").text == "harmless\n"
                assert not zombies_of(server)
