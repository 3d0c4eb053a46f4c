"""Runs scripts/demo as a new user would, and looks at the site that it prints.

The data go into a folder of their own. Only the standard library is used.
"""

from __future__ import annotations

import http.cookiejar
import os
import re
import signal
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Start the demonstration twice: the second start must find its data again."""
    with tempfile.TemporaryDirectory() as data:
        environment = {**os.environ, "GUESTBOOK_DATA": data}
        with_demo(environment, first_visit)
        with_demo(environment, second_visit)
    print("scripts/demo: 2 starts, both served the guestbook")


def with_demo(environment: dict[str, str], visit) -> None:
    """Start scripts/demo, visit the address that it prints, and stop it with Ctrl-C's signal."""
    demo = subprocess.Popen(
        [ROOT / "scripts" / "demo"],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        visit(address_when_ready(demo))
        demo.send_signal(signal.SIGINT)
        rest = demo.communicate(timeout=60)[0]
        if demo.returncode != 0:
            sys.exit(f"exit code {demo.returncode} after SIGINT:\n{rest}")
    finally:
        if demo.poll() is None:
            os.killpg(demo.pid, signal.SIGKILL)
            demo.wait()


def address_when_ready(demo: subprocess.Popen[str]) -> str:
    """Pass on what is printed, until the server is ready."""
    assert demo.stdout is not None
    address = None
    for line in demo.stdout:
        print("  |", line, end="")
        if found := re.search(r"The guestbook +(http\S+)", line):
            address = found[1]
        if " ready: generation " in line and address:
            return address
    sys.exit("scripts/demo ended before the site was ready")


def first_visit(address: str) -> None:
    """Read the page and its stylesheet, write an entry, and log in to the admin."""
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
    page = browser.open(address).read().decode()
    expect("sample entries on the page", "Éloïse" in page)
    sheet = re.search(r'href="([^"]+\.css)"', page)
    expect("a stylesheet in the page", sheet is not None)
    style = browser.open(urllib.parse.urljoin(address, sheet[1]))
    found = (ROOT / "examples/guestbook/entries/static/entries/guestbook.css").read_bytes()
    expect("the stylesheet whole", style.read() == found)

    answer = post(browser, address, page, {"name": "Visitor", "message": "written by the check"})
    expect("the entry on the page", "written by the check" in answer)

    login = urllib.parse.urljoin(address, "/admin/login/?next=/admin/")
    answer = post(browser, login, browser.open(login).read().decode(), {"username": "admin", "password": "admin"})
    expect("the admin after logging in", "Site administration" in answer)


def second_visit(address: str) -> None:
    """The entry of the first visit is still there, and the samples were not loaded twice."""
    pages = [urllib.request.urlopen(f"{address}?page={number}").read().decode() for number in (1, 2, 3)]
    whole = "".join(pages)
    expect("the entry of the first visit", whole.count("written by the check") == 1)
    expect("each sample once", whole.count("Éloïse") == 1)


def post(browser: urllib.request.OpenerDirector, address: str, page: str, fields: dict[str, str]) -> str:
    """Send a form with the token that its page carries."""
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    expect("a token in the form", token is not None)
    data = urllib.parse.urlencode({"csrfmiddlewaretoken": token[1], **fields}).encode()
    return browser.open(urllib.request.Request(address, data, {"Referer": address})).read().decode()


def expect(what: str, holds: bool) -> None:
    """End the program if it does not hold."""
    if not holds:
        sys.exit(f"not found: {what}")


if __name__ == "__main__":
    main()
