#!/usr/bin/python3
"""What the tests want from a CGI program, in Python."""

import os
import sys

action = os.environ.get("PATH_INFO", "").split("/")[1:2]
me = os.environ["SCRIPT_NAME"]
length = int(os.environ.get("CONTENT_LENGTH") or 0)
TEXT = "Content-Type: text/plain\n\n"


def environ():
    names = "".join(f"{name}={value}\n" for name, value in sorted(os.environ.items()))
    return TEXT + names


def echo():
    body = sys.stdin.buffer.read(length)
    return TEXT + f"{len(body)} {sum(body)}\n"


def error():
    sys.stderr.write(("error " * 20 + "\n") * 1000)
    return TEXT + "survived\n"


ANSWERS = {
    "document": TEXT + "document\n",
    "crlf": "Content-Type: text/plain\r\n\r\ndocument\n",
    "status": "Status: 404 No Such Thing\n" + TEXT + "missing\n",
    "status-only": "Status: 204 No Content\n\n",
    "local": f"Location: {me}/document?from=local\n\n",
    "local-loop": f"Location: {me}/local-loop\n\n",
    "local-cookie": f"Set-Cookie: a=1\nLocation: {me}/document\n\n",
    "client": "Location: http://example.org/there\n\n",
    "client-document": "Status: 303 See Other\nLocation: http://example.org/\n" + TEXT + "go there\n",
    "fields": "X-Twice: 1\nX-Twice: 2\nSet-Cookie: a=1\nSet-Cookie: b=2\n" + TEXT + "fields\n",
    "length": "Content-Length: 5\n" + TEXT + "12345",
    "empty": "",
    "no-blank": "Content-Type: text/plain\n",
    "no-colon": "hello\n\nworld\n",
    "no-type": "X-Field: 1\n\nbody\n",
    "bad-status": "Status: nonsense\n" + TEXT + "x\n",
    "split": "X-Field: a\rSet-Cookie: b=1\n" + TEXT + "x\n",
    "environ": environ,
    "echo": echo,
    "error": error,
    "directory": lambda: TEXT + os.getcwd() + "\n",
    "exit": TEXT + "then it ends with 3\n",
}
answer = ANSWERS[action[0] if action else "document"]
sys.stdout.write(answer if isinstance(answer, str) else answer())
sys.stdout.flush()
sys.exit(3 if action == ["exit"] else 0)
