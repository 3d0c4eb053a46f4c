"""Applications that go on behind the last byte that their client can get. `closed` is reported when one has ended."""

from __future__ import annotations

import time

from cases import Cases
from gate import pass_gate, report

application = Cases()
TEXT = [("Content-Type", "text/plain")]
FIVE = [*TEXT, ("Content-Length", "5")]


class Closed:
    """An iterable that reports its end."""

    def __init__(self, items):
        self.items = items

    def __iter__(self):
        return self.items

    def close(self):
        self.items.close()
        report("closed")


def endless(item):
    while True:
        time.sleep(0.01)
        yield item


def behind_five(item):
    yield b"12345"
    yield from endless(item)


@application.case
def open_end(environ, start_response):
    start_response("200 OK", TEXT)
    return Closed(endless(b"data"))


@application.case
def no_content(environ, start_response):
    start_response("204 No Content", [])
    return Closed(endless(b"data"))


@application.case
def not_modified(environ, start_response):
    start_response("304 Not Modified", [])
    return Closed(endless(b"data"))


@application.case
def too_long(environ, start_response):
    start_response("200 OK", FIVE)
    return Closed(behind_five(b"data"))


@application.case
def too_empty(environ, start_response):
    start_response("200 OK", FIVE)
    return Closed(behind_five(b""))


@application.case
def written(environ, start_response):
    write = start_response("200 OK", FIVE)
    try:
        while True:
            write(b"12345")
    finally:
        report("closed")


@application.case
def written_for_nobody(environ, start_response):
    write = start_response("200 OK", TEXT)
    try:
        while True:
            time.sleep(0.01)
            write(b"12345")
    finally:
        report("closed")


@application.case
def last_item_waits(environ, start_response):
    """Slow from its beginning, so that another thread leads; and it does not end before the gate opens."""

    def items():
        time.sleep(0.3)
        yield b"12345"
        pass_gate("given")

    start_response("200 OK", FIVE)
    return Closed(items())


@application.case
def close_waits(environ, start_response):
    class Waiting(Closed):
        def close(self):
            pass_gate("given")
            super().close()

    def items():
        time.sleep(0.3)
        yield b"12345"

    start_response("200 OK", FIVE)
    return Waiting(items())


@application.case
def iter_fails(environ, start_response):
    class Failing:
        def __iter__(self):
            raise ValueError("of the iterable itself")

    start_response("200 OK", TEXT)
    return Failing()


@application.case
def fails_twice(environ, start_response):
    class Failing:
        def __iter__(self):
            raise ValueError("of the iterable itself")

        def close(self):
            raise KeyError("of its end")

    start_response("200 OK", TEXT)
    return Failing()
