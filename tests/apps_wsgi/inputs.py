"""WSGI applications that read `wsgi.input`, by a script in the query or each in its own way."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import threading
from urllib.parse import unquote

from cases import Cases
from gate import pass_gate, report

application = Cases()
TEXT = [("Content-Type", "text/plain")]


def perform(script, file):
    """Do the steps of a script on a file; what each gave, as text. The test runs the same on a BytesIO."""
    results = []
    for step in script.split(";"):
        if step.startswith("readinto"):
            buffer = bytearray(int(step[9:-1]))
            count = file.readinto(buffer)
            results.append(repr((count, bytes(buffer))))
        elif step == "list":
            results.append(repr(list(file)))
        elif step == "next":
            results.append(repr(next(file, None)))
        elif step == "for":
            results.append(repr([line.upper() for line in file]))
        else:
            name, _, argument = step[:-1].partition("(")
            arguments = [json.loads(argument)] if argument else []
            results.append(repr(getattr(file, name)(*arguments)))
    return "\n".join(results)


@application.case
def script(environ, start_response):
    start_response("200 OK", TEXT)
    return [perform(unquote(environ["QUERY_STRING"]), environ["wsgi.input"]).encode()]


@application.case
def digest(environ, start_response):
    data = environ["wsgi.input"].read()
    start_response("200 OK", TEXT)
    return [f"{len(data)} {hashlib.sha256(data).hexdigest()}".encode()]


@application.case
def digest_in_pieces(environ, start_response):
    result, size = hashlib.sha256(), 0
    while piece := environ["wsgi.input"].read(1000):
        result.update(piece)
        size += len(piece)
    start_response("200 OK", TEXT)
    return [f"{size} {result.hexdigest()}".encode()]


@application.case
def digest_in_another_thread(environ, start_response):
    found = []

    def read():
        found.append(environ["wsgi.input"].read())

    thread = threading.Thread(target=read)
    thread.start()
    thread.join()
    start_response("200 OK", TEXT)
    return [f"{len(found[0])} {hashlib.sha256(found[0]).hexdigest()}".encode()]


@application.case
def echo(environ, start_response):
    """Answers while it reads."""
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    while piece := environ["wsgi.input"].read(65536):
        yield piece


@application.case
def unread(environ, start_response):
    """Never looks at the body."""
    report("called")
    start_response("200 OK", TEXT)
    return [b"not read"]


@application.case
def partly_read(environ, start_response):
    first = environ["wsgi.input"].read(5)
    start_response("200 OK", TEXT)
    return [first]


@application.case
def read_reporting(environ, start_response):
    """Tells what reading to the end gave: a size, or the name of the exception, which then goes on."""
    report("called")
    try:
        data = environ["wsgi.input"].read()
    except BaseException as error:
        report("raised", exception=type(error).__name__, is_exception=isinstance(error, Exception))
        raise
    report("read", size=len(data))
    start_response("200 OK", TEXT)
    return [b"complete"]


@application.case
def read_reporting_in_pieces(environ, start_response):
    report("called")
    size = 0
    try:
        while piece := environ["wsgi.input"].read(1000):
            size += len(piece)
    except BaseException as error:
        report("raised", exception=type(error).__name__, is_exception=isinstance(error, Exception))
        raise
    report("read", size=size)
    start_response("200 OK", TEXT)
    return [b"complete"]


@application.case
def read_behind_the_gate(environ, start_response):
    pass_gate("called", length=environ.get("CONTENT_LENGTH"))
    data = environ["wsgi.input"].read()
    start_response("200 OK", TEXT)
    return [f"{len(data)} {hashlib.sha256(data).hexdigest()}".encode()]


@application.case
def read_and_swallow(environ, start_response):
    """An application that catches everything answers anyway; a second try must fail as well."""
    failures = 0
    for _ in range(2):
        try:
            environ["wsgi.input"].read()
        except Exception:
            failures += 1
    report("swallowed", failures=failures)
    start_response("200 OK", TEXT)
    return [b"swallowed"]


@application.case
def read_after_gate(environ, start_response):
    pass_gate("before reading")
    data = environ["wsgi.input"].read()
    start_response("200 OK", TEXT)
    return [data]


@application.case
def answer_then_read(environ, start_response):
    """Starts its answer before it reads: a 100 (Continue) would now come too late."""
    write = start_response("200 OK", TEXT)
    write(b"answer;")
    data = environ["wsgi.input"].read()
    return [data]


@application.case
def first_byte_then_rest(environ, start_response):
    """Shows that what has arrived can be read while the rest is still to come."""
    first = environ["wsgi.input"].read(1)
    pass_gate("has the first byte", first=first.decode())
    rest = environ["wsgi.input"].read()
    start_response("200 OK", TEXT)
    return [first + rest]


kept = []


@application.case
def keep(environ, start_response):
    kept.append(environ["wsgi.input"])
    start_response("200 OK", TEXT)
    return [b"kept"]


@application.case
def use_kept(environ, start_response):
    """Reads inputs of requests that are over."""
    results = []
    for file in kept:
        try:
            results.append(repr(file.read()))
        except Exception as error:
            results.append(type(error).__name__)
    kept.clear()
    start_response("200 OK", TEXT)
    return ["\n".join(results).encode()]


@application.case
def form(environ, start_response):
    """multipart/form-data by the means of the standard library."""
    from email import message_from_bytes

    head = f"Content-Type: {environ['CONTENT_TYPE']}\r\n\r\n".encode()
    message = message_from_bytes(head + environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
    fields = {
        part.get_param("name", header="content-disposition"): len(part.get_payload(decode=True))
        for part in message.get_payload()
    }
    start_response("200 OK", TEXT)
    return [json.dumps(fields).encode()]


@application.case
def json_load(environ, start_response):
    """json.load and friends take any file with read()."""
    data = json.load(environ["wsgi.input"])
    start_response("200 OK", TEXT)
    return [json.dumps(data).encode()]


@application.case
def facts(environ, start_response):
    file = environ["wsgi.input"]
    found = {
        "terminated": environ.get("wsgi.input_terminated"),
        "length": environ.get("CONTENT_LENGTH"),
        "type": environ.get("CONTENT_TYPE"),
        "coding": environ.get("HTTP_TRANSFER_ENCODING"),
        "trailer": environ.get("HTTP_X_TRAILER"),
        "methods": [m for m in ("read", "readline", "readlines", "__iter__", "readinto") if hasattr(file, m)],
    }
    with contextlib.suppress(io.UnsupportedOperation, AttributeError):
        file.fileno()
        found["descriptor"] = True
    file.read()
    found["trailer later"] = environ.get("HTTP_X_TRAILER")
    start_response("200 OK", TEXT)
    return [json.dumps(found).encode()]


@application.case
def mark(environ, start_response):
    report("mark")
    start_response("200 OK", TEXT)
    return [b"marked"]
