"""WSGI applications that return `wsgi.file_wrapper(...)`, over every kind of thing that can be read."""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import parse_qs

from cases import Cases
from gate import report

application = Cases()
TYPE = ("Content-Type", "application/octet-stream")


def pattern(size: int) -> bytes:
    """Bytes of which every eight tell their place."""
    return b"".join(b"%08x" % i for i in range(size // 8 + 1))[:size]


SMALL = 5_000
LARGE = 20_000_000


def path_of(size: int) -> Path:
    path = Path(tempfile.gettempdir(), f"millau-tests-{os.getuid()}-{size}")
    if not path.exists() or path.stat().st_size != size:
        partial = path.with_suffix(f".{os.getpid()}")
        partial.write_bytes(pattern(size))
        partial.replace(path)
    return path


class Reporting:
    """A file whose close() is reported. The descriptor stays visible."""

    def __init__(self, file):
        self.file = file
        self.fileno = file.fileno
        self.read = file.read
        self.tell = file.tell
        self.seek = file.seek

    def close(self):
        self.file.close()
        report("closed")


class OnlyRead:
    """The least that PEP 3333 asks of a file: read()."""

    def __init__(self, data):
        self.read = io.BytesIO(data).read


class ReadAndClose(OnlyRead):
    def close(self):
        report("closed")


class Sliced(io.BufferedIOBase):
    """A part of a file, as WhiteNoise makes it for a range: fileno() is inherited and raises UnsupportedOperation."""

    def __init__(self, file, start, end):
        file.seek(start)
        self.file = file
        self.remaining = end - start

    def read(self, size=-1):
        if size < 0 or size > self.remaining:
            size = self.remaining
        data = self.file.read(size)
        self.remaining -= len(data)
        return data

    def close(self):
        self.file.close()
        super().close()


class Upper(io.FileIO):
    """Reads something else than its descriptor holds."""

    def read(self, size=-1):
        return super().read(size).upper()


class FailsLater(OnlyRead):
    def __init__(self):
        self.calls = 0

    def read(self, size=-1):
        self.calls += 1
        if self.calls > 1:
            raise OSError("the disk is on fire")
        return b"x" * 1000

    def close(self):
        report("closed")


def seeked(position):
    file = open(path_of(SMALL), "rb")
    file.seek(position)
    return file


def partly_read():
    """Ten bytes are taken, but the descriptor itself is further on: the buffer has read ahead."""
    file = open(path_of(SMALL), "rb")
    assert file.read(10) == pattern(10)
    return file


def piped(data):
    read, write = os.pipe()
    with open(write, "wb") as end:
        end.write(data)
    return open(read, "rb")


def gzipped():
    buffer = tempfile.TemporaryFile()
    with gzip.open(buffer, "wb") as file:
        file.write(pattern(SMALL))
    buffer.seek(0)
    return gzip.open(buffer, "rb")


def temporary():
    file = tempfile.NamedTemporaryFile()
    file.write(pattern(SMALL))
    file.flush()
    file.seek(0)
    return file


def removed():
    file = tempfile.NamedTemporaryFile(delete=False)
    file.write(pattern(SMALL))
    file.close()
    opened = open(file.name, "rb")
    os.unlink(file.name)
    return opened


def spooled():
    file = tempfile.SpooledTemporaryFile(max_size=SMALL * 2)
    file.write(pattern(SMALL))
    file.seek(0)
    return file


FILES = {
    "file": (lambda: open(path_of(SMALL), "rb"), lambda: pattern(SMALL)),
    "unbuffered": (lambda: open(path_of(SMALL), "rb", buffering=0), lambda: pattern(SMALL)),
    "large": (lambda: open(path_of(LARGE), "rb"), lambda: pattern(LARGE)),
    "read and write": (lambda: open(path_of(SMALL), "r+b"), lambda: pattern(SMALL)),
    "seeked": (lambda: seeked(4000), lambda: pattern(SMALL)[4000:]),
    "partly read": (partly_read, lambda: pattern(SMALL)[10:]),
    "at its end": (lambda: seeked(SMALL), lambda: b""),
    "beyond its end": (lambda: seeked(SMALL + 10), lambda: b""),
    "empty": (lambda: open(os.devnull, "rb"), lambda: b""),
    "BytesIO": (lambda: io.BytesIO(pattern(SMALL)), lambda: pattern(SMALL)),
    "only read": (lambda: OnlyRead(pattern(SMALL)), lambda: pattern(SMALL)),
    "sliced": (lambda: Sliced(open(path_of(SMALL), "rb"), 100, 2100), lambda: pattern(SMALL)[100:2100]),
    "pipe": (lambda: piped(pattern(SMALL)), lambda: pattern(SMALL)),
    "temporary": (temporary, lambda: pattern(SMALL)),
    "spooled": (spooled, lambda: pattern(SMALL)),
    "removed": (removed, lambda: pattern(SMALL)),
    "gzip": (gzipped, lambda: pattern(SMALL)),
    "overridden read": (lambda: Upper(path_of(SMALL)), lambda: pattern(SMALL).upper()),
    "kernel": (lambda: open("/proc/version", "rb"), lambda: Path("/proc/version").read_bytes()),
}


def query(environ):
    return {key: values[0] for key, values in parse_qs(environ["QUERY_STRING"]).items()}


@application.case
def wrapped(environ, start_response):
    """`file` names what is wrapped, `length` the declared Content-Length, `block` the block size."""
    asked = query(environ)
    headers = [TYPE]
    if "length" in asked:
        headers.append(("Content-Length", asked["length"]))
    start_response(asked.get("status", "200 OK"), headers)
    file = FILES[asked["file"]][0]()
    if "block" in asked:
        return environ["wsgi.file_wrapper"](file, int(asked["block"]))
    return environ["wsgi.file_wrapper"](file)


CLOSING = {
    "file": lambda: Reporting(open(path_of(SMALL), "rb")),
    "large": lambda: Reporting(open(path_of(LARGE), "rb")),
    "read": lambda: ReadAndClose(pattern(SMALL)),
    "fails": FailsLater,
}


@application.case
def closing(environ, start_response):
    asked = query(environ)
    start_response(asked.get("status", "200 OK"), [TYPE])
    return environ["wsgi.file_wrapper"](CLOSING[asked["file"]]())


@application.case
def closing_and_failing(environ, start_response):
    """start_response is never called, so the wrapper is closed without being sent."""
    return environ["wsgi.file_wrapper"](CLOSING["file"]())


@application.case
def iterated(environ, start_response):
    """Middleware may consume the wrapper like any iterable."""
    start_response("200 OK", [TYPE])
    wrapper = environ["wsgi.file_wrapper"](open(path_of(SMALL), "rb"), 1024)
    chunks = list(wrapper)
    assert all(type(chunk) is bytes for chunk in chunks)
    wrapper.close()
    return [b"".join(chunks)]


@application.case
def inside_generator(environ, start_response):
    start_response("200 OK", [TYPE])
    wrapper = environ["wsgi.file_wrapper"](CLOSING["file"]())
    try:
        for chunk in wrapper:
            yield chunk.upper()
    finally:
        wrapper.close()


@application.case
def partly_iterated(environ, start_response):
    """Something looks at the first block and returns the wrapper after all: the rest is sent."""
    wrapper = environ["wsgi.file_wrapper"](open(path_of(LARGE), "rb"), 1000)
    block = next(iter(wrapper))
    assert pattern(LARGE).startswith(block)
    start_response("200 OK", [TYPE, ("X-Taken", str(len(block)))])
    return wrapper


@application.case
def after_write(environ, start_response):
    write = start_response("200 OK", [TYPE])
    write(b"written first:")
    return environ["wsgi.file_wrapper"](open(path_of(SMALL), "rb"))


@application.case
def text_mode(environ, start_response):
    start_response("200 OK", [TYPE])
    return environ["wsgi.file_wrapper"](io.StringIO("text"))


@application.case
def shrinking(environ, start_response):
    """The file has become shorter than the declared length."""
    file = tempfile.NamedTemporaryFile()
    file.write(pattern(SMALL))
    file.flush()
    file.seek(0)
    start_response("200 OK", [TYPE, ("Content-Length", str(SMALL))])
    os.truncate(file.name, 1000)
    return environ["wsgi.file_wrapper"](file)


@application.case
def subprocess_output(environ, start_response):
    start_response("200 OK", [TYPE])
    child = subprocess.Popen(["printf", "from a child"], stdout=subprocess.PIPE)
    return environ["wsgi.file_wrapper"](child.stdout)


@application.case
def mark(environ, start_response):
    report("mark")
    start_response("200 OK", [TYPE])
    return [str(len(os.listdir("/proc/self/fd"))).encode()]
