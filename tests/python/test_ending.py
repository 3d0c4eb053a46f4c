"""A run of these tests that is told to end leaves no server behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from server import PATIENCE, command_environment, session_processes

HANGING = """
import time

import pytest
from front_server import Pair, Place, program, run_front_server
from server import APPS, Server


@pytest.fixture(scope="session")
def of_a_fixture():
    with Server("plain", cwd=APPS) as server:
        yield server


@pytest.fixture(scope="session")
def front(of_a_fixture):
    if program("lighttpd") is None:
        yield None
        return
    place = Place()
    front = run_front_server(Pair("lighttpd", "http"), "", ["--bind", of_a_fixture.url], place.path)
    yield front
    front.stop()
    place.close()


def test_that_hangs(of_a_fixture, front, tmp_path):
    with Server("plain", cwd=APPS) as server:
        sessions = [of_a_fixture.pid, server.pid, *([front.process.pid] if front else [])]
        with open("sessions", "w") as file:
            file.write(" ".join(map(str, sessions)) + "\\n")
        time.sleep(1000)
"""


@pytest.mark.parametrize("options", [[], ["--numprocesses", "1"]])
def test_what_tests_have_started_ends_with_a_run_that_is_terminated(tmp_path, options):
    (tmp_path / "test_hanging.py").write_text(HANGING)
    here = str(Path(__file__).parent)
    path = os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH")]))
    command = [sys.executable, "-m", "pytest", "-p", "conftest", "-p", "no:cacheprovider", "--rootdir", ".", *options]
    with subprocess.Popen(
        [*command, "test_hanging.py"],
        cwd=tmp_path,
        env=command_environment({"PYTHONPATH": path}),
        start_new_session=True,
    ) as run:
        try:
            said = tmp_path / "sessions"
            for _ in range(int(PATIENCE * 50)):
                if run.poll() is not None or (said.exists() and said.read_text().endswith("\n")):
                    break
                time.sleep(0.02)
            sessions = [int(number) for number in said.read_text().split()]
            assert all(session_processes(session) for session in sessions)
            os.killpg(run.pid, signal.SIGTERM)
            code = run.wait(2 * PATIENCE)
        finally:
            run.kill()
    left = [process for session in sessions for process in session_processes(session)]
    for process in left:
        os.kill(process.pid, signal.SIGKILL)
    assert (left, code) == ([], pytest.ExitCode.INTERRUPTED)
