"""A WSGI application that prints wherever it can, for tests of what must never reach a CGI program's response."""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import time

from cases import Cases

print("printed while imported")
os.write(1, b"written to descriptor 1 while imported\n")
subprocess.run(["echo", "printed by a child while imported"], check=True)
atexit.register(print, "printed at the end")

application = Cases()
TEXT = [("Content-Type", "text/plain")]


@application.case
def body(environ, start_response):
    print("printed in the call")
    sys.__stdout__.write("written in the call")
    start_response("200 OK", TEXT)
    yield b"begin "
    subprocess.run(["sh", "-c", "cat; echo printed by a child"], check=True)
    yield environ["wsgi.input"].read()


@application.case
def leaves_a_child(environ, start_response):
    """A child that lives on must not keep the web server waiting for the end of the response."""
    subprocess.Popen(["sleep", "1000"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    start_response("200 OK", TEXT)
    return [b"left"]


class Endless:
    def __iter__(self):
        while True:
            yield b"x" * 1000
            time.sleep(0.001)

    def close(self):
        print("closed", file=sys.stderr)


@application.case
def endless(environ, start_response):
    start_response("200 OK", TEXT)
    return Endless()


class EndlessAtOnce(Endless):
    def __iter__(self):
        while True:
            yield b"x" * 100_000


@application.case
def endless_at_once(environ, start_response):
    start_response("200 OK", TEXT)
    return EndlessAtOnce()


class Whole:
    """Takes its time to close."""

    def __iter__(self):
        yield b"whole"

    def close(self):
        for _ in range(100):
            time.sleep(0.01)
        print("closed", file=sys.stderr)


@application.case
def whole(environ, start_response):
    start_response("200 OK", [*TEXT, ("Content-Length", "5")])
    return Whole()


@application.case
def thread(environ, start_response):
    """A thread goes on after the response."""
    import threading

    def work():
        time.sleep(0.1)
        print("the thread is done", file=sys.stderr)

    threading.Thread(target=work).start()
    start_response("200 OK", TEXT)
    return [b"started"]
