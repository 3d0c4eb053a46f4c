"""Threads of a worker: blocking calls stop nobody else, up to the limit; one thread means one call at a time.

Nothing is measured. A call stands at a gate of the test, and what is answered meanwhile is the proof.
"""

from __future__ import annotations

import contextlib
import itertools
import json

import pytest
from client import request_bytes
from server import APPS, Server


@pytest.fixture
def server(gate):
    with Server("threads", cwd=APPS, env=gate.environment) as server:
        yield server


def threads_of(server: Server) -> int:
    """Threads of the only worker, as the kernel counts them."""
    (worker,) = server.workers()
    return next(p.threads for p in server.processes() if p.pid == worker)


@contextlib.contextmanager
def blocked(server, gate, count, case="gate", name="gate"):
    """That many calls stand still in the application, each on a connection of its own."""
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(server.client()) for _ in range(count)]
        for i, client in enumerate(clients):
            client.send(request_bytes(target=f"/{case}?{i}"))
        visits = [gate.next(name) for _ in range(count)]
        yield clients, visits
        gate.forget()
        for client in clients:
            assert client.response().status == 200


# One thread


def test_with_one_thread_calls_never_overlap(gate):
    with Server("threads", "--threads", "1", cwd=APPS, env=gate.environment) as server:
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(server.client()) for _ in range(5)]
            for i, client in enumerate(clients):
                client.send(request_bytes(target=f"/gate?{i}"))
            for left in range(5, 0, -1):
                visit = gate.next("gate")
                with pytest.raises(AssertionError, match="nobody came"):
                    gate.next("gate", timeout=0.3)
                visit.open()
                assert left
            for client in clients:
                assert client.response().status == 200
        assert server.get("/overlap").body == b"1"
        assert json.loads(server.get("/known").body)["flag"] is False


def test_with_one_thread_the_body_belongs_to_the_call(gate):
    """Iterating is application code as well: nothing runs between two chunks."""
    with Server("threads", "--threads", "1", cwd=APPS, env=gate.environment) as server:
        with server.client() as one, server.client() as two:
            one.send(request_bytes(target="/gate_in_body?1"))
            visit = gate.next("gate in body")
            two.send(request_bytes(target="/gate_in_body?2"))
            with pytest.raises(AssertionError, match="nobody came"):
                gate.next(timeout=0.3)
            visit.open()
            assert one.response().body == b"firstsecond"
            gate.next("gate in body").open()
            assert two.response().body == b"firstsecond"


def test_with_one_thread_thread_locals_survive(gate):
    with Server("threads", "--threads", "1", cwd=APPS, env=gate.environment) as server:
        seen = [json.loads(server.get("/count").body) for _ in range(20)]
        assert [s["calls"] for s in seen] == list(range(1, 21))
        assert len({s["thread"] for s in seen}) == 1


# Many threads


def test_thirty_blocked_calls_do_not_stop_a_fast_one(server, gate):
    with blocked(server, gate, 30) as (_, visits):
        assert len({v.thread for v in visits}) == 30
        assert len({v.pid for v in visits}) == 1
        for _ in range(20):
            assert server.get("/hello").body == b"hello"


def test_by_default_127_blocked_calls_leave_one_thread(server, gate):
    """The default limit is 128."""
    with blocked(server, gate, 127):
        assert server.get("/hello").body == b"hello"


def test_calls_that_block_within_their_body(server, gate):
    with blocked(server, gate, 30, "gate_in_body", "gate in body"):
        assert server.get("/hello").body == b"hello"


def test_blocked_calls_and_a_kept_connection(server, gate):
    """A connection that one thread has accepted is served by whoever is free."""
    with server.client() as client:
        for _ in range(5):
            assert client.request(target="/hello").body == b"hello"
            with blocked(server, gate, 3):
                assert client.request(target="/hello").body == b"hello"


def test_requests_that_become_ready_together_run_together(server):
    """Ten calls wait for each other. None may be kept behind one that is running, however they were read."""
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(server.client()) for _ in range(10)]
        for _ in range(3):
            for client in clients:
                client.send(request_bytes(target="/meet"))
            for client in clients:
                assert client.response().body == b"met"


def test_a_call_that_computes_does_not_stop_others(server):
    """It never gives the interpreter away by itself; the interpreter switches, and the server has a thread to run."""
    for _ in range(3):
        with server.client() as client:
            client.send(request_bytes(target="/spin"))
            assert server.get("/release").body == b"releasing"
            assert client.response().body == b"released"


def test_what_has_blocked_before_does_not_take_the_lead_away(server, gate):
    """Once a target is known to block, its calls go to a thread of their own and the thread that reads goes on reading;
    also where there are always some that stand still."""
    leads = []
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(server.client()) for _ in range(5)]
        standing = []
        for step in range(20):
            client = clients[step % 5]
            if len(standing) == 5:
                standing.pop(0).open()
                assert client.response().status == 200
            client.send(request_bytes(target=f"/gate?{step}"))
            standing.append(gate.next("gate"))
            leads.append(json.loads(server.get("/count").body)["thread"])
        gate.forget()
    changes = sum(before != after for before, after in itertools.pairwise(leads[10:]))
    assert changes <= 3, leads


def test_at_the_limit_requests_wait_and_are_served_later(gate):
    with Server("threads", "--threads", "4", cwd=APPS, env=gate.environment) as server, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(server.client()) for _ in range(7)]
        for i, client in enumerate(clients[:4]):
            client.send(request_bytes(target=f"/gate?{i}"))
        visits = [gate.next("gate") for _ in range(4)]
        for i, client in enumerate(clients[4:], 4):
            client.send(request_bytes(target=f"/gate?{i}"))
        with pytest.raises(AssertionError, match="nobody came"):
            gate.next("gate", timeout=0.5)
        for visit in visits[:3]:
            visit.open()
        later = [gate.next("gate") for _ in range(3)]
        assert {v.facts["query"] for v in later} == {"4", "5", "6"}
        gate.forget()
        for client in clients:
            assert client.response().status == 200
        assert server.get("/overlap").body == b"4"


def test_a_waiting_request_is_served_in_its_order(gate):
    """First come, first served, also behind blocked threads."""
    with Server("threads", "--threads", "2", cwd=APPS, env=gate.environment) as server, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(server.client()) for _ in range(8)]
        for i, client in enumerate(clients[:2]):
            client.send(request_bytes(target=f"/gate?{i}"))
        visits = [gate.next("gate"), gate.next("gate")]
        for i, client in enumerate(clients[2:], 2):
            client.send(request_bytes(target=f"/gate?{i}"))
        visits[0].open()
        order = []
        for _ in range(6):
            visit = gate.next("gate")
            order.append(int(visit.facts["query"]))
            visit.open()
        visits[1].open()
        assert sorted(order) == [2, 3, 4, 5, 6, 7]
        for client in clients:
            assert client.response().status == 200


@pytest.mark.slow
def test_threads_grow_and_shrink(gate):
    with Server("threads", "--threads", "64", cwd=APPS, env=gate.environment) as server:
        assert server.get("/hello").body == b"hello"
        idle = threads_of(server)
        assert idle < 20, "threads are not started before they are needed"
        for _ in range(2):
            with blocked(server, gate, 40):
                assert threads_of(server) >= 40
            server.wait_until(lambda: threads_of(server) <= idle + 8, "idle threads have ended", timeout=120)
            assert server.get("/hello").body == b"hello"


@pytest.mark.slow
def test_threads_that_all_have_a_little_to_do_are_too_many(server, gate):
    """Calls that block now and then wake one thread after another; that keeps no more than are needed at a time."""
    assert server.get("/hello").body == b"hello"
    idle = threads_of(server)
    with blocked(server, gate, 40):
        assert threads_of(server) >= 40

    def trickled():
        for _ in range(20):
            with blocked(server, gate, 1):
                pass
        return threads_of(server) <= idle + 8

    server.wait_until(trickled, "idle threads have ended", timeout=120)


def test_the_fewest_threads_are_there_from_the_start(gate):
    with Server("threads", "--threads-min", "16", cwd=APPS, env=gate.environment) as server:
        server.get("/hello")
        assert threads_of(server) >= 16


def test_thread_locals_survive_between_requests(server, gate):
    """Database connections are kept in them. Each thread sees its own calls counted without a gap."""
    calls: dict[int, list[int]] = {}
    for _ in range(10):
        with blocked(server, gate, 5):
            for _ in range(5):
                seen = json.loads(server.get("/count").body)
                calls.setdefault(seen["thread"], []).append(seen["calls"])
    for counted in calls.values():
        assert counted == list(range(1, len(counted) + 1))


def test_exceptions_end_no_thread(gate):
    with Server("threads", "--threads", "8", cwd=APPS, env=gate.environment) as server:
        for _ in range(30):
            assert server.get("/fail").status == 500
        with blocked(server, gate, 7):
            assert server.get("/fail").status == 500
            assert server.get("/hello").body == b"hello"


def test_python_knows_the_threads_and_forgets_them(server, gate):
    """`threading` must not gather a dummy for every call, and the current thread must be alive to it."""
    first = json.loads(server.get("/known").body)
    assert first["alive"] is True
    for _ in range(3):
        with blocked(server, gate, 10):
            pass
        for _ in range(50):
            server.get("/hello")
    assert json.loads(server.get("/known").body)["active"] <= first["active"] + 40
