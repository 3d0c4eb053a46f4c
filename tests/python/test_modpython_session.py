"""Sessions: what is kept, for whom, how long, and that two requests never have one at once."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import pytest
from server import Server

HANDLER = """
import time
from mod_python import Session, apache

def handler(req):
    what = req.args or ""
    if what.startswith("sid="):
        session = Session.Session(req, sid=what[4:])
    elif what == "signed":
        session = Session.FileSession(req, secret="s3cret")
    elif what == "dbm":
        session = Session.DbmSession(req, "/nowhere", timeout=60)
    else:
        session = Session.Session(req)
    if what == "slow":
        time.sleep(0.2)
    if what == "end":
        session.invalidate()
    elif what == "expire":
        session.set_timeout(-1)
    session["hits"] = session.get("hits", 0) + 1
    if what != "unsaved":
        session.save()
    req.content_type = "text/plain"
    req.write("%d %s %s %d" % (session["hits"], session.is_new(), session.id(), session.timeout()))
    return apache.OK
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "h.py").write_text(HANDLER)
    (tmp_path / "sessions").mkdir(mode=0o700)
    return tmp_path


def serve(folder: Path, *arguments: str) -> Server:
    option = f"--python-option=mod_python.session.database_directory={folder}/sessions"
    return Server(f"handler:{folder}/h.py", option, *arguments)


class Visitor:
    def __init__(self, server: Server, cookie: str = "") -> None:
        self.server = server
        self.cookie = cookie

    def ask(self, query: str = "") -> tuple[int, bool, str, int]:
        response = self.server.request(target=f"/?{query}", fields=[("Cookie", self.cookie)] if self.cookie else [])
        assert response.status == 200
        if response.all("Set-Cookie"):
            self.set_cookie = response.all("Set-Cookie")[-1]
            self.cookie = self.set_cookie.partition(";")[0]
        hits, is_new, sid, timeout = response.text.split()
        return int(hits), is_new == "True", sid, int(timeout)


def test_each_visitor_has_a_session_that_all_processes_see(folder: Path) -> None:
    with serve(folder, "--workers", "2") as server:
        one, two = Visitor(server), Visitor(server)
        sid = one.ask()[2]
        assert re.fullmatch("[0-9a-f]{32}", sid)
        assert one.set_cookie == f"pysid={sid}; path=/; samesite=Lax; httponly"
        assert [one.ask()[:3] for _ in range(5)] == [(hits, False, sid) for hits in range(2, 7)]
        assert two.ask()[:2] == (1, True)
        assert one.ask("dbm")[:3] == (7, False, sid)
    with serve(folder) as server:
        assert Visitor(server, one.cookie).ask()[0] == 8


def test_what_is_not_saved_is_not_kept(folder: Path) -> None:
    with serve(folder) as server:
        visitor = Visitor(server)
        visitor.ask()
        assert visitor.ask("unsaved")[0] == 2
        assert visitor.ask()[0] == 2


def test_an_invalidated_session_is_gone_and_so_is_its_cookie(folder: Path) -> None:
    with serve(folder) as server:
        visitor = Visitor(server)
        sid = visitor.ask()[2]
        visitor.ask("end")
        assert "expires=Thu, 01-Jan-1970 00:00:00 GMT" in visitor.set_cookie
        hits, is_new, new_sid, _ = visitor.ask()
        assert (hits, is_new) == (1, True)
        assert new_sid != sid


def test_an_expired_session_begins_anew(folder: Path) -> None:
    with serve(folder) as server:
        visitor = Visitor(server)
        sid = visitor.ask("expire")[2]
        hits, is_new, new_sid, _ = visitor.ask()
        assert (hits, is_new, new_sid != sid) == (1, True, True)


def test_an_id_that_a_client_made_up_is_not_taken(folder: Path) -> None:
    with serve(folder) as server:
        for made_up in ("0" * 32, "../../etc/passwd", "A" * 32, "x"):
            assert Visitor(server, f"pysid={made_up}").ask()[2] != made_up
        assert server.request(target="/?sid=../../x").status == 500
        assert Visitor(server).ask("sid=" + "0" * 32)[2] != "0" * 32
    assert sorted(path.name for path in folder.iterdir()) == ["h.py", "sessions"]


def test_a_signed_session_is_not_taken_without_its_signature(folder: Path) -> None:
    with serve(folder) as server:
        visitor = Visitor(server)
        sid = visitor.ask("signed")[2]
        assert visitor.ask("signed")[:3] == (2, False, sid)
        assert Visitor(server, f"pysid={sid}").ask("signed")[1] is True


def test_requests_with_one_session_wait_for_one_another(folder: Path) -> None:
    with serve(folder, "--workers", "2") as server:
        visitor = Visitor(server)
        visitor.ask()
        asked = [threading.Thread(target=Visitor(server, visitor.cookie).ask, args=("slow",)) for _ in range(4)]
        for thread in asked:
            thread.start()
        for thread in asked:
            thread.join()
        assert visitor.ask()[0] == 6


def test_a_directory_that_others_may_write_to_is_refused(folder: Path) -> None:
    (folder / "sessions").chmod(0o777)
    with serve(folder) as server:
        assert server.request().status == 500
        server.wait_for_log("operator error: sessions cannot be kept in")


def test_a_session_that_cannot_be_read_is_given_up(folder: Path) -> None:
    with serve(folder) as server:
        visitor = Visitor(server)
        sid = visitor.ask()[2]
        (folder / "sessions" / sid).write_bytes(b"no pickle")
        assert visitor.ask()[:2] == (1, True)
        server.wait_for_log(f"the session {sid} cannot be read and is given up")


def test_cleaning_up_removes_what_has_expired_and_nothing_else(folder: Path) -> None:
    from millau.mod_python._store import Store

    store = Store(str(folder / "sessions"))
    with serve(folder) as server:
        kept = Visitor(server)
        kept_sid = kept.ask()[2]
        Visitor(server).ask("expire")
        assert store.clean(10) == 1
        assert kept.ask()[:3] == (2, False, kept_sid)
    names = sorted(path.name for path in (folder / "sessions").iterdir())
    assert names == [kept_sid, f"{kept_sid}.lock"]
