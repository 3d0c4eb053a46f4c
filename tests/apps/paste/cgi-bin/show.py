"""A CGI program: what it was asked, and the body that it got."""

import os
import sys

body = sys.stdin.buffer.read(int(os.environ.get("CONTENT_LENGTH") or 0))
print("Content-Type: text/plain")
print("X-From-Cgi: yes")
print()
for name in ("REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "SERVER_PROTOCOL", "HTTP_X_ASKED"):
    print(f"{name}={os.environ.get(name)}")
print(f"{len(body)} bytes, the last {body[-16:]!r}")
print("to the error log", file=sys.stderr)
