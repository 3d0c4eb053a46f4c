"""The supervisor keeps the number of workers that was asked for, whatever happens to them."""

from __future__ import annotations

import contextlib
import os
import re
import signal

import pytest
from client import BrokenResponse, request_bytes
from server import APPS, Server


def start(gate, *arguments, target="dying", **more):
    env = gate.environment | more.pop("env", {})
    return Server(target, *arguments, cwd=APPS, env=env, **more)


def pid_of(server) -> int:
    return int(server.get("/pid").body)


def alive(server) -> list[int]:
    """Processes that run. The dead wait here for a new parent to ask for them, which is not the server's business."""
    return [p.pid for p in server.processes() if not p.zombie]


def kill_one(server) -> None:
    """Kills a worker, whichever is there."""
    with contextlib.suppress(ProcessLookupError, IndexError):
        os.kill(server.workers()[0], signal.SIGKILL)


def lost(client) -> bool:
    """The connection ended without a whole response."""
    try:
        client.response()
    except (BrokenResponse, ConnectionError):
        return True
    return False


def test_as_many_workers_as_asked_for(gate):
    """With one thread each, three calls can stand still at once only in three processes."""
    with start(gate, "--workers", "3", "--threads", "1") as server:
        assert len(server.workers()) == 3
        with contextlib.ExitStack() as stack:
            clients, pids = [], set()
            for i in range(3):  # one after another: a worker that stands still accepts nothing
                clients.append(stack.enter_context(server.client()))
                clients[-1].send(request_bytes(target=f"/gate?{i}"))
                pids.add(gate.next("gate").pid)
            assert pids == set(server.workers())
            gate.forget()
            for client in clients:
                assert client.response().body == b"passed"


def test_a_killed_worker_is_replaced_and_the_log_names_what_it_was_doing(gate):
    with start(gate, "--workers", "2") as server:
        with server.client() as one, server.client() as two:
            one.send(request_bytes("POST", "/gate?first", body=b"abc"))
            visit = gate.next("gate")
            two.send(request_bytes("GET", "/gate?second"))
            other = gate.next("gate")
            os.kill(visit.pid, signal.SIGKILL)
            visit.wait_gone()
            assert lost(one)
            line = server.wait_for_death(visit.pid)
            assert "SIGKILL" in line or "signal 9" in line
            server.wait_until(lambda: "POST /gate?first" in server.log(), "the log names the lost request")
            if other.pid != visit.pid:
                assert "GET /gate?second" not in server.log()
                other.open()
                assert two.response().body == b"passed"
            server.wait_until(lambda: len(server.workers()) == 2, "the worker is replaced")
            assert visit.pid not in server.workers()
        assert pid_of(server) != visit.pid


def test_an_idle_worker_that_is_killed_is_replaced(gate):
    with start(gate) as server:
        before = pid_of(server)
        os.kill(before, signal.SIGKILL)
        server.wait_for_death(before)
        after = pid_of(server)
        assert after != before
        assert pid_of(server) == after


@pytest.mark.parametrize(
    ("case", "how"),
    [
        ("exit_code", r"\b7\b"),
        ("segmentation_fault", r"SIGSEGV|signal 11"),
        ("abort", r"SIGABRT|signal 6"),
        ("killed", r"SIGKILL|signal 9"),
    ],
)
def test_the_log_says_how_a_worker_ended(gate, case, how):
    with start(gate) as server:
        before = pid_of(server)
        with server.client() as client:
            client.send(request_bytes(target=f"/{case}?x=1"))
            assert lost(client)
        line = server.wait_for_death(before)
        assert re.search(how, line), line
        server.wait_until(lambda: f"GET /{case}?x=1" in server.log(), "the log names the request")
        assert pid_of(server) != before


def test_a_forged_target_cannot_forge_the_log(gate):
    """What a client sent stands in the log of the crash, too."""
    with start(gate) as server:
        with server.client() as client:
            client.send(request_bytes(target="/killed?%0A2026-11-22T00:00:00.000Z%20ERROR%20[1]%20forged"))
            assert lost(client)
        server.wait_for_log("/killed?")
        assert not re.search(r"^2026-11-22T00:00:00.000Z", server.log(), re.M)


def test_requests_of_the_dead_do_not_stay_on_the_list(gate):
    """What a worker had finished before it died is not named, and neither is what its predecessor did."""
    with start(gate) as server:
        for case in ("killed?first", "killed?second"):
            assert server.get("/pid?finished").status == 200
            with server.client() as client:
                client.send(request_bytes(target=f"/{case}"))
                assert lost(client)
            server.wait_until(lambda case=case: f"/{case}" in server.log(), "the log names the request")
            server.get("/pid")
        assert "finished" not in server.log()
        assert server.log().count("/killed?first") == 1


@pytest.mark.slow
def test_worker_after_worker_dies_and_the_supervisor_lives(gate):
    """Every request to /killed ends a worker. Each is replaced, if not at once."""
    with start(gate) as server:
        pids = set()
        for _ in range(5):
            pids.add(pid_of(server))
            with server.client() as client:
                client.send(request_bytes(target="/killed"))
                assert lost(client)
        assert pid_of(server) not in pids
        assert len(pids) == 5


@pytest.mark.slow
def test_a_crash_loop_backs_off_and_ends_when_its_cause_does(gate, tmp_path):
    """Every new worker dies before it serves. The supervisor must not burn the machine with forks, must say what is
    wrong, must live, and must serve again after a reload when the cause is gone."""
    cause = tmp_path / "die"
    with start(gate, env={"DIE_IF_EXISTS": str(cause)}) as server:
        first = pid_of(server)
        cause.touch()
        os.kill(first, signal.SIGKILL)
        died = r"ERROR.* worker (\d+) "
        server.wait_until(lambda: len(set(re.findall(died, server.log()))) >= 3, "three workers have died")
        deaths = set(re.findall(died, server.log()))
        assert len(deaths) < 20, "without back-off there would be hundreds by now"
        assert server.process.poll() is None
        cause.unlink()
        server.reload()
        assert pid_of(server) not in {first, *map(int, deaths)}


def test_more_and_fewer_workers_by_signal(gate):
    with start(gate) as server:
        assert len(server.workers()) == 1
        server.send_signal(signal.SIGTTIN)
        server.wait_until(lambda: len(server.workers()) == 2, "one more worker")
        server.send_signal(signal.SIGTTIN)
        server.wait_until(lambda: len(server.workers()) == 3, "one more worker")
        for _ in range(2):
            count = len(server.workers())
            server.send_signal(signal.SIGTTOU)
            server.wait_until(lambda count=count: len(server.workers()) == count - 1, "one worker less")
        before = server.workers()
        server.send_signal(signal.SIGTTOU)
        server.send_signal(signal.SIGTTIN)
        server.wait_until(lambda: len(server.workers()) == 2, "the last worker stayed, and one more came")
        assert set(before) < set(server.workers())


def test_a_worker_that_is_sent_away_finishes_its_request(gate):
    with start(gate, "--workers", "2", "--threads", "1") as server, contextlib.ExitStack() as stack:
        clients = []
        for _ in range(2):
            clients.append(stack.enter_context(server.client()))
            clients[-1].send(request_bytes(target="/gate"))
            gate.next("gate")
        server.send_signal(signal.SIGTTOU)
        gate.forget()
        for client in clients:
            assert client.response().body == b"passed"
        server.wait_until(lambda: len(server.workers()) == 1, "one worker less")
        assert server.get("/pid").status == 200


def test_a_worker_that_is_terminated_finishes_and_is_replaced(gate):
    """`kill PID` by an operator or by a memory watcher."""
    with start(gate) as server, server.client() as client:
        client.send(request_bytes(target="/gate"))
        visit = gate.next("gate")
        os.kill(visit.pid, signal.SIGTERM)
        visit.open()
        assert client.response().body == b"passed"
        server.wait_until(lambda: visit.pid not in server.workers(), "the worker has ended")
        assert pid_of(server) != visit.pid
        assert len(server.workers()) == 1
        assert f"worker {visit.pid} exited with code 0 while serving no request: it was sent SIGTERM" in server.log()
        assert "ERROR" not in server.log()


def test_no_zombies(gate):
    with start(gate, "--workers", "2") as server:
        for _ in range(3):
            kill_one(server)
            server.wait_until(lambda: server.get("/pid").status == 200, "somebody serves")
        server.reload()
        server.wait_until(lambda: len(server.workers()) == 2, "the old workers are gone")
        server.wait_until(lambda: not any(p.zombie for p in server.processes()), "everything dead is reaped")


def test_when_the_supervisor_is_killed_everything_ends(gate):
    with start(gate, "--workers", "2", "--graceful-timeout", "2", check=False) as server:
        assert pid_of(server)
        server.send_signal(signal.SIGKILL)
        server.process.wait()
        server.wait_until(lambda: not alive(server), "nothing of it is left")


def test_when_the_supervisor_is_killed_a_blocked_call_does_not_stay_for_ever(gate):
    with start(gate, "--graceful-timeout", "1", check=False) as server, server.client() as client:
        client.send(request_bytes(target="/gate"))
        visit = gate.next("gate")
        server.send_signal(signal.SIGKILL)
        server.process.wait()
        visit.wait_gone()
        server.wait_until(lambda: not alive(server), "nothing of it is left")


def test_workers_hold_no_descriptors_of_others(gate, tmp_path):
    """After many replacements and reloads a worker has no more descriptors than the first one had."""

    def descriptors(pid):
        return len(os.listdir(f"/proc/{pid}/fd"))

    with start(gate, "--workers", "2") as server:
        pid_of(server)
        before = max(map(descriptors, server.workers()))
        supervisor = descriptors(server.pid)
        for _ in range(5):
            kill_one(server)
            server.wait_until(lambda: server.get("/pid").status == 200, "somebody serves")
            server.reload()
        server.wait_until(lambda: len(server.workers()) == 2, "the old workers are gone")
        server.wait_until(
            lambda: max(map(descriptors, server.workers())) <= before + 1, "workers have no more than before"
        )
        server.wait_until(lambda: descriptors(server.pid) <= supervisor + 1, "the supervisor has no more than before")
