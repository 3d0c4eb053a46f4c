"""A CGI program with a status of its own, and a long body."""

import sys

sys.stdout.write("Status: 404 Not Here\nContent-Type: text/plain\nSet-Cookie: a=1\nSet-Cookie: b=2\n\n")
for number in range(1000):
    sys.stdout.write(f"line {number}\n")
