"""WSGI applications that fail, each in its own way. The word `password` must never reach a client."""

from __future__ import annotations

import os
import sys
import threading

from cases import Cases
from gate import pass_gate

application = Cases()
TEXT = [("Content-Type", "text/plain")]


class Own(BaseException):
    """Neither Exception nor any exit that Python knows."""


class Unprintable(Exception):
    def __str__(self):
        raise RuntimeError("no text for you")

    __repr__ = __str__


EXCEPTIONS = {
    "Exception": lambda: Exception("password"),
    "StopIteration": lambda: StopIteration("password"),
    "SystemExit": lambda: SystemExit(3),
    "SystemExit-text": lambda: SystemExit("password"),
    "KeyboardInterrupt": KeyboardInterrupt,
    "GeneratorExit": GeneratorExit,
    "MemoryError": MemoryError,
    "BrokenPipeError": lambda: BrokenPipeError("password"),
    "Own": lambda: Own("password"),
    "Unprintable": Unprintable,
}


def exception_for(environ):
    return EXCEPTIONS[environ["PATH_INFO"].split("/")[2]]()


@application.case
def pid(environ, start_response):
    start_response("200 OK", TEXT)
    return [str(os.getpid()).encode()]


@application.case
def in_call(environ, start_response):
    raise exception_for(environ)


@application.case
def after_start_response(environ, start_response):
    start_response("200 OK", [*TEXT, ("X-Before", "password")])
    raise exception_for(environ)


@application.case
def in_first_step(environ, start_response):
    start_response("200 OK", [*TEXT, ("X-Before", "password")])
    raise exception_for(environ)
    yield b""


class Steps:
    """Not a generator, so that StopIteration and GeneratorExit arrive as they are."""

    def __init__(self, *steps):
        self.steps = list(steps)

    def __iter__(self):
        return self

    def __next__(self):
        step = self.steps.pop(0)
        if isinstance(step, BaseException):
            raise step
        return step


@application.case
def mid_stream(environ, start_response):
    start_response("200 OK", TEXT)
    return Steps(b"a beginning", exception_for(environ))


@application.case
def mid_stream_with_length(environ, start_response):
    start_response("200 OK", [*TEXT, ("Content-Length", "100")])
    return Steps(b"a beginning", exception_for(environ))


@application.case
def mid_stream_after_write(environ, start_response):
    write = start_response("200 OK", TEXT)
    write(b"a beginning")
    raise exception_for(environ)


@application.case
def mid_stream_after_length_is_complete(environ, start_response):
    start_response("200 OK", [*TEXT, ("Content-Length", "5")])
    return Steps(b"whole", exception_for(environ))


@application.case
def mid_stream_later(environ, start_response):
    start_response("200 OK", TEXT)
    yield b"a beginning"
    pass_gate("sent")
    raise ValueError("password")


@application.case
def sys_exit(environ, start_response):
    sys.exit()


@application.case
def deep(environ, start_response):
    return deep(environ, start_response)


@application.case
def in_thread(environ, start_response):
    """An exception in a thread of the application's own is not the server's business."""
    thread = threading.Thread(target=lambda: 1 / 0)
    thread.start()
    thread.join()
    start_response("200 OK", TEXT)
    return [b"fine"]


@application.case
def errors_stream(environ, start_response):
    errors = environ["wsgi.errors"]
    errors.write("written: caf\xe9 \u2603\n")
    errors.writelines(["line one\n", "line two\n"])
    print("printed", file=errors)
    errors.flush()
    start_response("200 OK", TEXT)
    return [b"ok"]


@application.case
def standard_streams(environ, start_response):
    print("to standard output", flush=True)
    print("to standard error", file=sys.stderr, flush=True)
    start_response("200 OK", TEXT)
    return [b"ok"]
