"""WSGI applications whose way of answering is the point: when they call `start_response`, what they return, how they fail."""

from __future__ import annotations

import sys

from cases import Cases
from gate import pass_gate, report

application = Cases()
TEXT = [("Content-Type", "text/plain")]


# When start_response is called


@application.case
def late(environ, start_response):
    """The HOWTO's own sample: a generator, so nothing happens before its first step."""
    start_response("201 Made Late", [*TEXT, ("X-Late", "yes")])
    yield b"late "
    yield b"but whole"


@application.case
def late_after_empty(environ, start_response):
    yield b""
    start_response("201 Made Late", TEXT)
    yield b"after an empty chunk"


@application.case
class as_class:
    """PEP 3333's example of an application that is a class: calling it makes the iterable."""

    def __init__(self, environ, start_response):
        self.start = start_response

    def __iter__(self):
        self.start("200 OK", TEXT)
        yield b"from a class"


@application.case
def never(environ, start_response):
    return [b"start_response was never called"]


@application.case
def never_and_empty(environ, start_response):
    return []


@application.case
def too_late(environ, start_response):
    yield b"a chunk before start_response"
    start_response("200 OK", TEXT)


@application.case
def twice(environ, start_response):
    start_response("200 OK", [*TEXT, ("X-Call", "first")])
    try:
        start_response("202 Accepted", [*TEXT, ("X-Call", "second")])
    except Exception as error:
        return [type(error).__name__.encode()]
    return [b"was allowed"]


@application.case
def not_enough_arguments(environ, start_response):
    try:
        start_response("200 OK")
    except TypeError:
        start_response("200 OK", TEXT)
        return [b"TypeError"]
    return []


@application.case
def exc_info_first(environ, start_response):
    """exc_info in the first call is legal and means nothing."""
    try:
        raise ValueError("irrelevant")
    except ValueError:
        start_response("503 Busy", TEXT, sys.exc_info())
    return [b"busy"]


@application.case
def exc_info_none(environ, start_response):
    start_response("200 OK", TEXT, None)
    return [b"none"]


@application.case
def exc_info_replaces(environ, start_response):
    start_response("200 OK", [*TEXT, ("X-First", "1"), ("Content-Length", "1000")])
    try:
        raise ValueError("found later")
    except ValueError:
        start_response("500 Oops", [*TEXT, ("X-Second", "2")], sys.exc_info())
    return [b"an error page"]


@application.case
def exc_info_replaces_in_generator(environ, start_response):
    start_response("200 OK", [*TEXT, ("X-First", "1")])
    yield b""
    try:
        raise ValueError("found later")
    except ValueError:
        start_response("500 Oops", [*TEXT, ("X-Second", "2")], sys.exc_info())
    yield b"an error page"


@application.case
def exc_info_replaces_after_empty_write(environ, start_response):
    write = start_response("200 OK", [*TEXT, ("X-First", "1")])
    write(b"")
    try:
        raise ValueError("found later")
    except ValueError:
        start_response("500 Oops", [*TEXT, ("X-Second", "2")], sys.exc_info())
    return [b"an error page"]


@application.case
def exc_info_too_late(environ, start_response):
    """The headers are on their way, so start_response must raise the very exception again."""
    start_response("200 OK", TEXT)
    yield b"already sent"
    try:
        raise ValueError("the original")
    except ValueError as error:
        try:
            start_response("500 Oops", TEXT, sys.exc_info())
        except BaseException as raised:
            report("raised", same=raised is error)
            raise
        report("raised", same=None)


@application.case
def exc_info_after_write(environ, start_response):
    write = start_response("200 OK", TEXT)
    write(b"already sent")
    try:
        raise ValueError("the original")
    except ValueError as error:
        try:
            start_response("500 Oops", TEXT, sys.exc_info())
        except BaseException as raised:
            report("raised", same=raised is error)
            raise
    return []


# write()


@application.case
def write_only(environ, start_response):
    write = start_response("200 OK", TEXT)
    write(b"one ")
    write(b"")
    write(b"two")
    return []


@application.case
def write_then_iterable(environ, start_response):
    write = start_response("200 OK", TEXT)
    write(b"written, ")
    return [b"returned, ", b"in order"]


@application.case
def write_between_chunks(environ, start_response):
    write = start_response("200 OK", TEXT)
    write(b"a")
    yield b"b"
    write(b"c")
    yield b"d"


@application.case
def write_late(environ, start_response):
    """write() from a start_response that is called inside the iteration."""
    write = start_response("200 OK", TEXT)
    write(b"written")
    yield b" and yielded"


@application.case
def write_transmits(environ, start_response):
    write = start_response("200 OK", TEXT)
    write(b"first")
    pass_gate("written")
    write(b"second")
    return []


@application.case
def write_wrong_type(environ, start_response):
    write = start_response("200 OK", TEXT)
    refused = []
    for wrong in ("text", 5, None, [b"x"]):
        try:
            write(wrong)
        except Exception as error:
            refused.append(type(error).__name__)
    return [" ".join(refused).encode()]


# What is returned


@application.case
def chunk_by_chunk(environ, start_response):
    start_response("200 OK", TEXT)
    yield b"first"
    pass_gate("between")
    yield b"second"


@application.case
def mebibytes(environ, start_response):
    """As many MiB as the query says, in pieces of 64 KiB whose first bytes count."""
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    for i in range(16 * int(environ["QUERY_STRING"])):
        yield b"%08d" % i + b"x" * (65536 - 8)
    report("all produced")


RETURNED = {
    "none": lambda: None,
    "integer": lambda: 42,
    "text": lambda: "text",
    "bytes": lambda: b"bytes",
    "text-in-list": lambda: ["text"],
    "text-in-generator": lambda: (c for c in ["text"]),
    "integer-in-list": lambda: [1],
    "none-in-list": lambda: [None],
    "bytearray-in-list": lambda: [bytearray(b"x")],
    "memoryview-in-list": lambda: [memoryview(b"x")],
    "list-in-list": lambda: [[b"x"]],
    "not-iterable": lambda: object(),
    "start_response": lambda: lambda status, headers: None,
}


@application.case
def returns(environ, start_response):
    start_response("200 OK", TEXT)
    return RETURNED[environ["PATH_INFO"].split("/")[2]]()


@application.case
def bytes_subclass(environ, start_response):
    class Marked(bytes):
        pass

    start_response("200 OK", TEXT)
    return [Marked(b"marked")]


# close()


class Tracked:
    """An iterable that reports its close(), and may fail or stand still on the way."""

    def __init__(self, *chunks):
        self.chunks = iter(chunks)

    def __iter__(self):
        return self

    def __next__(self):
        chunk = next(self.chunks)
        if isinstance(chunk, BaseException):
            raise chunk
        if callable(chunk):
            chunk = chunk()
        return chunk

    def close(self):
        report("closed")


@application.case
def close_normal(environ, start_response):
    start_response("200 OK", TEXT)
    return Tracked(b"one", b"two")


@application.case
def close_empty(environ, start_response):
    start_response("200 OK", TEXT)
    return Tracked()


@application.case
def close_exact_length(environ, start_response):
    start_response("200 OK", [*TEXT, ("Content-Length", "6")])
    return Tracked(b"one", b"two")


@application.case
def close_after_too_much(environ, start_response):
    start_response("200 OK", [*TEXT, ("Content-Length", "2")])
    return Tracked(b"one", b"two", b"three")


@application.case
def close_no_content(environ, start_response):
    start_response("204 No Content", [])
    return Tracked()


@application.case
def close_not_modified(environ, start_response):
    start_response("304 Not Modified", [])
    return Tracked(b"must not be sent")


@application.case
def close_first_step_fails(environ, start_response):
    start_response("200 OK", TEXT)
    return Tracked(ValueError("at the first step"))


@application.case
def close_later_step_fails(environ, start_response):
    start_response("200 OK", TEXT)
    return Tracked(b"one", ValueError("at the second step"))


@application.case
def close_wrong_chunk(environ, start_response):
    start_response("200 OK", TEXT)
    return Tracked("text")


@application.case
def close_without_start_response(environ, start_response):
    return Tracked(b"no start_response")


@application.case
def close_iter_fails(environ, start_response):
    class Unwilling(Tracked):
        def __iter__(self):
            raise ValueError("no iterator today")

    start_response("200 OK", TEXT)
    return Unwilling()


@application.case
def close_fails(environ, start_response):
    class Sulking(Tracked):
        def close(self):
            report("closed")
            raise ValueError("close() fails")

    start_response("200 OK", [*TEXT, ("Content-Length", "5")])
    return Sulking(b"whole")


@application.case
def close_of_generator(environ, start_response):
    """A generator that is dropped half-way sees GeneratorExit; one that is not, runs to its end."""
    start_response("200 OK", TEXT)
    try:
        yield b"first"
        pass_gate("first is out")
        while True:
            yield b"x" * 65536
    finally:
        report("closed")


@application.case
def close_list_subclass(environ, start_response):
    """Frameworks return lists with a close()."""

    class Page(list):
        def close(self):
            report("closed")

    start_response("200 OK", TEXT)
    return Page([b"a page"])


@application.case
def close_client_gone(environ, start_response):
    """Stands still until the client is gone, then produces until it is stopped."""
    pass_gate("called")
    start_response("200 OK", TEXT)

    def endless():
        while True:
            yield b"x" * 65536

    class Endless(Tracked):
        def __init__(self):
            self.chunks = endless()

    return Endless()


@application.case
def mark(environ, start_response):
    """Reports that it was called: what came before it is complete."""
    report("mark")
    start_response("200 OK", TEXT)
    return [b"marked"]
