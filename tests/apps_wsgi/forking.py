"""A WSGI application that starts processes of its own by forking."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from cases import Cases

application = Cases()
TEXT = [("Content-Type", "text/plain")]
FORK = multiprocessing.get_context("fork")


@application.case
def terminated(environ, start_response):
    """How processes end that are sent SIGTERM and SIGINT."""
    codes = []
    for number in (signal.SIGTERM, signal.SIGINT):
        process = FORK.Process(target=time.sleep, args=(60,))
        process.start()
        os.kill(process.pid, number)
        process.join(20)
        codes.append(process.exitcode)
    start_response("200 OK", TEXT)
    return [repr(codes).encode()]


@application.case
def pools(environ, start_response):
    with FORK.Pool(2) as pool, ProcessPoolExecutor(2, mp_context=FORK) as executor:
        found = [*pool.map(abs, [-1, 2]), *executor.map(abs, [3, -4])]
    start_response("200 OK", TEXT)
    return [repr(found).encode()]


@application.case
def comes_back(environ, start_response):
    """How a child ends that does not end by itself."""
    child = os.fork()
    if child == 0:
        raise ValueError("of the child")
    _, status = os.waitpid(child, 0)
    start_response("200 OK", TEXT)
    return [str(os.waitstatus_to_exitcode(status)).encode()]


@application.case
def daemon(environ, start_response):
    """Leaves a process behind that outlives the server."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            nowhere = os.open(os.devnull, os.O_RDWR)
            for number in range(3):
                os.dup2(nowhere, number)
            Path(os.environ["DAEMON"]).write_text(str(os.getpid()))
            time.sleep(120)
        os._exit(0)
    os.wait()
    start_response("200 OK", TEXT)
    return [b"left behind"]
