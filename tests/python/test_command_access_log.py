"""The access log: a line for every request, in a form that programs can rely on, whatever a client sends."""

from __future__ import annotations

import json
import re
import tempfile
import threading
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

import pytest
from client import BrokenResponse, request_bytes
from server import APPS, Server, run_millau

COMMON = re.compile(
    r"(?P<peer>\S+) (?P<identity>\S+) (?P<user>\S+) \[(?P<time>[^\]]+)\] "
    r'"(?P<request>(?:[^"\\\x00-\x1f\x7f]|\\.)*)" (?P<status>\d{3}|-) (?P<bytes>\d+|-)'
)
COMBINED = re.compile(
    COMMON.pattern + r' "(?P<referer>(?:[^"\\\x00-\x1f\x7f]|\\.)*)" "(?P<agent>(?:[^"\\\x00-\x1f\x7f]|\\.)*)"'
)


class Log:
    """An access log in a file."""

    def __init__(self, path: Path, kind: str) -> None:
        self.path = path
        self.kind = kind
        self.seen = 0
        self.arguments = ["--access-log", str(path), "--access-log-format", kind]

    def lines(self, server: Server, count: int) -> list[str]:
        """All lines, when there are as many as expected."""
        server.wait_until(lambda: self.path.read_text().count("\n") >= count, f"{count} lines are written")
        text = self.path.read_text()
        assert text.count("\n") == count, text
        assert all(c >= " " or c == "\n" for c in text), "no control character gets through"
        return text.splitlines()

    def next(self, server: Server) -> dict:
        """The entry of the one request that was made since the last call."""
        self.seen += 1
        return self.parsed(server, self.seen)[-1]

    def parsed(self, server: Server, count: int) -> list[dict]:
        """All entries. Those of different connections may be in any order."""
        lines = self.lines(server, count)
        if self.kind == "json":
            return [json.loads(line) for line in lines]
        pattern = COMMON if self.kind == "common" else COMBINED
        found = [pattern.fullmatch(line) for line in lines]
        assert None not in found, lines
        return [match.groupdict() for match in found if match]


@pytest.fixture(params=["common", "combined", "json"])
def log(request, tmp_path):
    return Log(tmp_path / "access.log", request.param)


def start(log: Log, *arguments: str) -> Server:
    return Server("logged", *log.arguments, *arguments, cwd=APPS)


def test_common_and_combined(tmp_path):
    fields = [("Referer", "http://a.example/?b"), ("User-Agent", "Test/1.0 (a; b)")]
    for kind in ("common", "combined"):
        log = Log(tmp_path / kind, kind)
        with start(log) as server:
            server.get("/sized?123", fields)
            first = log.next(server)
            server.request("POST", "/missing", body=b"abc")
            second = log.next(server)
        assert first["peer"] == "127.0.0.1"
        assert (first["identity"], first["user"]) == ("-", "-")
        assert first["request"] == "GET /sized?123 HTTP/1.1"
        assert (first["status"], first["bytes"]) == ("200", "123")
        assert datetime.strptime(first["time"], "%d/%b/%Y:%H:%M:%S %z").utcoffset() is not None
        assert second["request"] == "POST /missing HTTP/1.1"
        assert (second["status"], second["bytes"]) == ("404", "7")
        if kind == "combined":
            assert (first["referer"], first["agent"]) == ("http://a.example/?b", "Test/1.0 (a; b)")
            assert (second["referer"], second["agent"]) == ("-", "-")


def test_json(tmp_path):
    log = Log(tmp_path / "log", "json")
    with start(log) as server:
        server.get("/sized?123", [("Referer", "http://a.example/"), ("User-Agent", "Test/1.0"), ("Host", "b.example")])
        (entry,) = log.parsed(server, 1)
    assert datetime.fromisoformat(entry["time"].replace("Z", "+00:00")).utcoffset() is not None
    assert entry["remote_addr"] == "127.0.0.1"
    assert (entry["method"], entry["target"], entry["protocol"]) == ("GET", "/sized?123", "HTTP/1.1")
    assert (entry["status"], entry["bytes"]) == (200, 123)
    assert (entry["referer"], entry["user_agent"], entry["host"]) == ("http://a.example/", "Test/1.0", "b.example")
    assert entry["duration_us"] >= 0
    assert entry["user"] is None


def bytes_of(entry) -> int:
    return 0 if entry["bytes"] == "-" else int(entry["bytes"])


def test_the_bytes_are_those_of_the_body(log):
    """Without head and without the framing of chunks, as Apache's %b."""
    with start(log) as server:
        for target, size in (("/sized?0", 0), ("/sized?1", 1), ("/sized?500000", 500_000), ("/streamed", 100)):
            server.get(target)
            assert bytes_of(log.next(server)) == size
        size = len(server.get("/file").body)
        assert bytes_of(log.next(server)) == size
        server.request("HEAD", "/sized?99")
        assert bytes_of(log.next(server)) == 0


def test_a_user_that_the_application_names(log):
    with start(log) as server:
        for target, user in (("/user?" + quote('"alice"'), "alice"), ("/user_late", "late"), ("/sized?1", None)):
            server.get(target)
            assert log.next(server)["user"] == (user if user or log.kind == "json" else "-")
        server.get("/user_fails")
        assert log.next(server)["user"] == "unlucky"


FORGERIES = [
    'al"ice',
    "al ice",
    "a\nb",
    "a\r\nb",
    "a\x1b[31mb",
    "a\\",
    'a\\"',
    "a] [b",
    "a\0b",
    "a\x7fb",
    "caf\xe9",
    "\u2028",
    "",
]


@pytest.mark.parametrize("user", FORGERIES)
def test_no_user_can_forge_a_line_or_a_column(log, user):
    with start(log) as server:
        server.get("/user?" + quote(json.dumps(user)))
        first = log.next(server)
        server.get("/sized?1")
        second = log.next(server)
    assert str(first["status"]) == "200"
    assert bytes_of(first) == 5
    assert second["user"] in (None, "-")
    if log.kind == "json":
        assert first["user"] in (user, None) or ord(max(user)) > 127


def test_a_user_that_is_no_text_is_left_out(log):
    """None is what some middleware writes back."""
    with start(log) as server:
        server.get("/user?null")
        server.get("/user?5")
        for entry in log.parsed(server, 2):
            assert str(entry["status"]) == "200"


def test_no_field_can_forge_a_line_or_a_column():
    """Everything the protocol lets through: quotes, backslashes, brackets, tabs, bytes above 127."""
    nasty = ['"', '" 200 5 "', "\\", '\\"', "a\tb", "caf\xe9", "\x80\xff", "'", "] [", "%0d%0a", "\\x0a", "\\n"]
    with tempfile.TemporaryDirectory() as folder:
        for kind in ("common", "combined", "json"):
            log = Log(Path(folder, kind), kind)
            with start(log) as server, server.client() as client:
                for text in nasty:
                    client.request("GET", "/sized?1", [("Referer", text), ("User-Agent", text), ("Host", "a.example")])
                for entry in log.parsed(server, len(nasty)):
                    assert str(entry["status"]) == "200"
                    assert bytes_of(entry) == 1


def test_json_keeps_what_was_sent(tmp_path):
    log = Log(tmp_path / "log", "json")
    with start(log) as server:
        server.get("/sized?1", [("Referer", 'a"b\\c'), ("User-Agent", "tab\there")])
        (entry,) = log.parsed(server, 1)
    assert entry["referer"] == 'a"b\\c'
    assert entry["user_agent"] == "tab\there"


@pytest.mark.parametrize(
    "target", ['/sized?1"', "/sized?1&\\", "/sized?1%0A", "/sized?1&[x]", "/sized?1'"], ids=["q", "b", "lf", "br", "ap"]
)
def test_no_target_can_forge_a_line_or_a_column(log, target):
    with start(log) as server:
        server.raw(f"GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        (entry,) = log.parsed(server, 1)
    if log.kind == "json":
        assert entry["target"] == target
    else:
        assert '\\"' in entry["request"] or '"' not in target


def test_methods_versions_and_statuses(log):
    with start(log) as server:
        server.request("PROPFIND", "/sized?1")
        entries = [log.next(server)]
        server.raw(request_bytes(target="/sized?1", version="1.0"))
        entries.append(log.next(server))
        server.get("/fail")
        entries.append(log.next(server))
    if log.kind == "json":
        assert (entries[0]["method"], entries[1]["protocol"]) == ("PROPFIND", "HTTP/1.0")
    else:
        assert entries[0]["request"] == "PROPFIND /sized?1 HTTP/1.1"
        assert entries[1]["request"] == "GET /sized?1 HTTP/1.0"
    assert str(entries[2]["status"]) == "500"


def test_refused_requests_are_logged(log):
    """An operator who looks for attacks looks here."""
    with start(log) as server:
        assert b" 400 " in server.raw(b"GET /sized?1 HTTP/1.1\r\nHost: a\r\nBad Field: x\r\n\r\n")
        assert str(log.next(server)["status"]) == "400"
        assert b" 400 " in server.raw(b'no request at all "\x1b[31m\r\n\r\n')
        assert str(log.next(server)["status"]) == "400"
        server.get("/sized?1")
        assert str(log.next(server)["status"]) == "200"


def test_a_broken_response_is_told_from_a_whole_one(tmp_path):
    log = Log(tmp_path / "log", "json")
    with start(log) as server:
        with pytest.raises(BrokenResponse):
            server.get("/broken")
        broken = log.next(server)
        server.get("/sized?10")
        whole = log.next(server)
    assert broken["outcome"] != whole["outcome"]
    assert bytes_of(broken) == 10


def test_the_bytes_of_the_server_s_own_answers_are_those_of_their_bodies(log):
    with start(log, "--limit-body-size", "10", "--limit-head-size", "2k") as server:
        for raw in [
            request_bytes(target="/fail"),
            request_bytes("HEAD", target="/fail"),
            request_bytes("POST", target="/sized?1", body=b"x" * 11),
            request_bytes(target="/sized?1", fields=[("X", "x" * 3000)]),
            request_bytes("POST", target="/sized?1", fields=[("Transfer-Encoding", "gzip")]),
            b"no request at all\r\n\r\n",
        ]:
            head, _, body = server.raw(raw).partition(b"\r\n\r\n")
            entry = log.next(server)
            assert str(entry["status"]) == head.split()[1].decode()
            assert bytes_of(entry) == len(body) and (body or raw.startswith(b"HEAD"))


def test_keep_alive_and_pipelining_make_a_line_each(log):
    with start(log) as server, server.client() as client:
        client.send(request_bytes(target="/sized?1") * 20)
        for _ in range(20):
            client.response()
        assert len(log.parsed(server, 20)) == 20


def test_lines_of_many_workers_and_threads_stay_whole(log):
    """Eight clients, two workers, one file: every line can be read, and none is missing."""
    with start(log, "--workers", "2") as server:

        def ask():
            with server.client() as client:
                for i in range(50):
                    client.request("GET", f"/sized?{i}", [("Referer", "r" * 500), ("User-Agent", "a" * 500)])

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        entries = log.parsed(server, 400)
    assert sorted(bytes_of(e) for e in entries) == sorted(list(range(50)) * 8)


def test_by_default_there_is_none():
    with Server("logged", cwd=APPS) as server:
        server.get("/sized?1")
        server.stop()
        assert server.out() == ""
        assert "/sized" not in server.log()


def test_standard_output():
    with Server("logged", "--access-log", "-", cwd=APPS) as server:
        server.get("/sized?1")
        line = server.wait_for_out("/sized?1")
        assert COMBINED.fullmatch(line.rstrip("\n"))


def test_the_log_is_appended_to(tmp_path):
    log = Log(tmp_path / "log", "common")
    for i in (1, 2):
        with start(log) as server:
            server.get("/sized?1")
            log.lines(server, i)


def test_a_log_that_cannot_be_opened(tmp_path):
    path = tmp_path / "missing" / "log"
    done = run_millau("serve", "logged", "--bind", "127.0.0.1:0", "--access-log", str(path), cwd=APPS)
    assert done.returncode in (1, 2)
    assert str(path) in done.stderr
    assert "Traceback" not in done.stderr


def test_a_unix_peer_has_no_address(tmp_path):
    log = Log(tmp_path / "log", "common")
    with start(log, "--bind", f"http+unix:{tmp_path}/s") as server:
        server.get("/sized?1")
        (entry,) = log.parsed(server, 1)
    assert entry["peer"]
