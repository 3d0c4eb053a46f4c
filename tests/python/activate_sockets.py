"""Stands in for a service manager: opens sockets, passes them as descriptors from 3 on, and executes a command.

`activate_sockets.py COUNT PID COMMAND…`: PID is `self`, `other` or `none` and says what LISTEN_PID is. The addresses
of the sockets go to standard output.
"""

import os
import socket
import sys

count, whose = int(sys.argv[1]), sys.argv[2]
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
kept = [os.dup2(s.fileno(), 50 + i) for i, s in enumerate(sockets)]
for i, descriptor in enumerate(kept):
    os.dup2(descriptor, 3 + i, inheritable=True)
for descriptor in kept:
    os.close(descriptor)
print("activated", *(f"http://127.0.0.1:{s.getsockname()[1]}" for s in sockets), flush=True)
if whose != "none":
    os.environ["LISTEN_FDS"] = str(count)
    os.environ["LISTEN_PID"] = str(os.getpid() if whose == "self" else os.getpid() + 1)
os.execv(sys.argv[3], sys.argv[3:])
