"""WSGI applications about threads: who runs a call, what runs beside it."""

from __future__ import annotations

import json
import threading

from cases import Cases
from gate import pass_gate

application = Cases()
TEXT = [("Content-Type", "text/plain")]

local = threading.local()
lock = threading.Lock()
running = 0
most = 0
meeting = threading.Barrier(10)
signal = threading.Event()


@application.case
def hello(environ, start_response):
    start_response("200 OK", TEXT)
    return [b"hello"]


@application.case
def gate(environ, start_response):
    """Counts how many are in here at once, and stands still."""
    global running, most
    with lock:
        running += 1
        most = max(most, running)
    try:
        pass_gate("gate", query=environ["QUERY_STRING"])
    finally:
        with lock:
            running -= 1
    start_response("200 OK", TEXT)
    return [b"passed " + environ["QUERY_STRING"].encode()]


@application.case
def gate_in_body(environ, start_response):
    start_response("200 OK", TEXT)
    yield b"first"
    pass_gate("gate in body", query=environ["QUERY_STRING"])
    yield b"second"


@application.case
def large(environ, start_response):
    start_response("200 OK", TEXT)
    for _ in range(1000):
        yield b"x" * 100_000


@application.case
def body(environ, start_response):
    size = len(environ["wsgi.input"].read())
    start_response("200 OK", TEXT)
    return [str(size).encode()]


@application.case
def body_behind_gate(environ, start_response):
    pass_gate("body")
    return body(environ, start_response)


@application.case
def overlap(environ, start_response):
    start_response("200 OK", TEXT)
    return [str(most).encode()]


@application.case
def count(environ, start_response):
    """How often this thread has been here, by a thread-local."""
    local.calls = getattr(local, "calls", 0) + 1
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({"thread": threading.get_ident(), "calls": local.calls}).encode()]


@application.case
def meet(environ, start_response):
    """Comes through only when ten calls are here at the same time."""
    meeting.wait(30)
    start_response("200 OK", TEXT)
    return [b"met"]


@application.case
def spin(environ, start_response):
    """Computes, without ever waiting, until another call sets the flag."""
    while not signal.is_set():
        sum(range(1000))
    signal.clear()
    start_response("200 OK", TEXT)
    return [b"released"]


@application.case
def release(environ, start_response):
    signal.set()
    start_response("200 OK", TEXT)
    return [b"releasing"]


@application.case
def fail(environ, start_response):
    raise ValueError("on purpose")


@application.case
def known(environ, start_response):
    """What the threading module knows of the threads."""
    result = {
        "active": threading.active_count(),
        "name": threading.current_thread().name,
        "main": threading.main_thread() is threading.current_thread(),
        "alive": threading.current_thread().is_alive(),
        "flag": environ["wsgi.multithread"],
    }
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(result).encode()]
