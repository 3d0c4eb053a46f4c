"""The same mix, but nothing in the request tells which one will be slow: every tenth call sleeps 50 ms.

A server that learns which paths are slow gains nothing here. The slow answer has another length, so that the
load generator can count it apart.
"""

import itertools
import time

calls = itertools.count(1)


def application(environ, start_response):
    if next(calls) % 10 == 0:
        time.sleep(0.05)
        body = b"slept"
    else:
        body = b"Hello, World!"
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
