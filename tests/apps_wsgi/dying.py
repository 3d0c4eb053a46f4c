"""WSGI applications that end their process, and one that makes every new process end."""

from __future__ import annotations

import ctypes
import os
import signal
from pathlib import Path

from cases import Cases
from gate import pass_gate

application = Cases()
TEXT = [("Content-Type", "text/plain")]


@application.case
def pid(environ, start_response):
    start_response("200 OK", TEXT)
    return [str(os.getpid()).encode()]


@application.case
def gate(environ, start_response):
    pass_gate("gate", query=environ["QUERY_STRING"])
    start_response("200 OK", TEXT)
    return [b"passed"]


@application.case
def exit_code(environ, start_response):
    os._exit(7)


@application.case
def segmentation_fault(environ, start_response):
    ctypes.string_at(0)


@application.case
def abort(environ, start_response):
    os.abort()


@application.case
def killed(environ, start_response):
    os.kill(os.getpid(), signal.SIGKILL)


def end_if_told() -> None:
    """Runs in every process forked after this module was imported."""
    if Path(os.environ["DIE_IF_EXISTS"]).exists():
        os._exit(9)


if "DIE_IF_EXISTS" in os.environ:
    os.register_at_fork(after_in_child=end_if_told)
