"""Whatever the tests allow a front server to force upon applications is told to operators, in COMPATIBILITY.md."""

from __future__ import annotations

import re
from fnmatch import fnmatch
from pathlib import Path

import pytest
from forced import FORCED, Forced
from front_server import PAIRS

COMPATIBILITY = Path(__file__).resolve().parents[2] / "COMPATIBILITY.md"
SERVERS = {"*": "every one", "nginx": "nginx", "apache": "Apache", "lighttpd": "lighttpd"}
WAYS = {
    "*": [""],
    "http": ["HTTP"],
    "fastcgi": ["FastCGI", "fastcgi_"],
    "scgi": ["SCGI"],
    "uwsgi": ["uwsgi"],
    "ajp": ["AJP"],
    "spawn": ["mod_fcgid"],
    "cgi": ["CGI", "mod_cgid"],
    "relay": ["CGI", "mod_cgid"],
}


def table() -> list[tuple[str, str]]:
    """Which front server, and what it forces."""
    lines = COMPATIBILITY.read_text().partition("**What a front server forces upon every application**")[2].splitlines()
    begin = next(number for number, line in enumerate(lines) if line.startswith("|---"))
    rows = []
    for line in lines[begin + 1 :]:
        if not line.startswith("|"):
            break
        who, what = line.split(" | ")[:2]
        rows.append((who.removeprefix("| "), what))
    return rows


def rows_of(forced: Forced) -> list[tuple[str, str]]:
    """The rows of the table that are about the pairs and the carrier."""
    server, way = forced.pairs.split("-")
    return [
        (who, what)
        for who, what in table()
        if SERVERS[server] in who
        and any(re.search(rf"\b{word}", who) for word in WAYS[way])
        and (forced.carrier != "unix" or "UNIX socket" in who + what)
    ]


@pytest.mark.parametrize("forced", FORCED, ids=lambda forced: f"{forced.pairs} {forced.what}")
def test_it_is_told(forced: Forced) -> None:
    assert any(forced.told in what for _, what in rows_of(forced)), rows_of(forced)


@pytest.mark.parametrize("forced", FORCED, ids=lambda forced: f"{forced.pairs} {forced.what}")
def test_it_is_about_a_pair_that_there_is(forced: Forced) -> None:
    assert any(fnmatch(str(pair), forced.pairs) for pair in PAIRS)
