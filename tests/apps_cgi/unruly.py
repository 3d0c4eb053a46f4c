#!/usr/bin/python3
"""Does what no CGI program should; what, is its query."""

import os
import signal
import sys
import time

what = os.environ["QUERY_STRING"]
HEAD = "Content-Type: text/plain\n\n"


def say(text):
    sys.stdout.write(text)
    sys.stdout.flush()


def children(count):
    for _ in range(count):
        if os.fork() == 0:
            while True:
                time.sleep(1)


if what == "loops":
    while True:
        pass
if what == "begins-and-loops":
    say(HEAD + "begun\n")
    while True:
        pass
if what == "forks":
    children(20)
    while True:
        time.sleep(1)
if what == "leaves-children":
    children(5)
    say(HEAD + "done\n")
    os._exit(0)
if what == "closes-its-output":
    say(HEAD + "done\n")
    for descriptor in (0, 1, 2):
        os.close(descriptor)
    while True:
        time.sleep(1)
if what == "closes-everything":
    say(HEAD + "done\n")
    os.closerange(0, 1024)
    while True:
        time.sleep(1)
if what == "writes-for-ever":
    say(HEAD)
    while True:
        say("x" * 65536)
if what == "complains-for-ever":
    say(HEAD)
    while True:
        sys.stderr.write("x" * 1000 + "\n")
if what == "dumps-core":
    os.abort()
if what == "dumps-core-in-the-middle":
    say("Content-Length: 100\n" + HEAD + "begun\n")
    time.sleep(0.3)
    os.abort()
if what.startswith("is-killed"):
    _, _, when = what.partition("=")
    if when == "when-all-is-said":
        say("Content-Length: 6\n")
    say(HEAD + "begun\n")
    if when == "later":
        time.sleep(0.3)
    os.kill(os.getpid(), signal.SIGKILL)
if what == "becomes-another":
    say(HEAD + "begun\n")
    os.execv("/bin/sh", ["sh", "-c", "echo ended"])
if what == "leaves-by-the-window":
    say(HEAD + "done\n")
    os._exit(3)
if what == "ignores-SIGTERM":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        time.sleep(1)
if what == "stops-itself":
    os.kill(os.getpid(), signal.SIGSTOP)
if what == "ends-at-once":
    os._exit(0)
say(HEAD + "harmless\n")
