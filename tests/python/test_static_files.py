"""static:DIR: types, validators, conditions, ranges, and no way out of the directory."""

from __future__ import annotations

from collections.abc import Iterator
from email.utils import formatdate, parsedate_to_datetime
from pathlib import Path

import pytest
from server import Server, run_millau

DATA = bytes(range(256)) * 1000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    outer = tmp_path_factory.mktemp("static")
    (outer / "secret.txt").write_text("secret")
    folder = outer / "site"
    (folder / "sub" / "deep").mkdir(parents=True)
    (folder / "listed").mkdir()
    (folder / ".git").mkdir()
    (folder / ".well-known").mkdir()
    (folder / "index.html").write_text("<html>root</html>")
    (folder / "sub" / "index.html").write_text("<html>sub</html>")
    (folder / "listed" / "a.txt").write_text("a")
    (folder / "ä b.txt").write_text("umlaut")
    (folder / "data.bin").write_bytes(DATA)
    (folder / "empty.css").write_text("")
    (folder / "app.js").write_text("let x;")
    (folder / "page.php").write_text("<?php ?>")
    (folder / ".hidden").write_text("hidden")
    (folder / ".git" / "config").write_text("hidden")
    (folder / ".well-known" / "security.txt").write_text("Contact: x")
    (folder / "out.txt").symlink_to("../secret.txt")
    (folder / "out").symlink_to("..")
    (folder / "absolute.txt").symlink_to(folder / "app.js")
    (folder / "alias.js").symlink_to("app.js")
    (folder / "sub" / "up.js").symlink_to("../app.js")
    (folder / "closed.txt").write_text("closed")
    return folder


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    with Server(f"static:{folder}", f"--mount=/mount=static:{folder}/sub") as server:
        yield server


@pytest.mark.parametrize(
    ("target", "content_type", "body"),
    [
        ("/", "text/html; charset=utf-8", b"<html>root</html>"),
        ("/index.html", "text/html; charset=utf-8", b"<html>root</html>"),
        ("/sub/", "text/html; charset=utf-8", b"<html>sub</html>"),
        ("/mount/", "text/html; charset=utf-8", b"<html>sub</html>"),
        ("/mount/index.html", "text/html; charset=utf-8", b"<html>sub</html>"),
        ("/app.js?v=1", "text/javascript; charset=utf-8", b"let x;"),
        ("/%61pp%2Ejs", "text/javascript; charset=utf-8", b"let x;"),
        ("/%C3%A4%20b.txt", "text/plain; charset=utf-8", b"umlaut"),
        ("/data.bin", "application/octet-stream", DATA),
        ("/empty.css", "text/css; charset=utf-8", b""),
        ("/listed/a.txt", "text/plain; charset=utf-8", b"a"),
        ("/alias.js", "text/javascript; charset=utf-8", b"let x;"),
        ("/sub/up.js", "text/javascript; charset=utf-8", b"let x;"),
        ("/.well-known/security.txt", "text/plain; charset=utf-8", b"Contact: x"),
    ],
)
def test_a_file_is_sent_with_its_type(server: Server, target: str, content_type: str, body: bytes) -> None:
    response = server.request(target=target)
    assert (response.status, response["Content-Type"], response.body) == (200, content_type, body)
    assert response["Content-Length"] == str(len(body))
    head = server.request("HEAD", target)
    assert (head.status, head["Content-Length"], head["ETag"]) == (200, str(len(body)), response["ETag"])


@pytest.mark.parametrize(
    "target",
    [
        "/none",
        "/listed/",
        "/app.js/",
        "/app.js/more",
        "/.hidden",
        "/.git/config",
        "/sub/../.git/config",
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/sub/..%2f..%2fsecret.txt",
        "/mount/../app.js",
        "/mount/up.js",
        "/out.txt",
        "/out/secret.txt",
        "/absolute.txt",
        "//app.js",
        "/sub//index.html",
        "/./app.js",
        "/app.js%00.html",
        "/%00",
        "/" + "x" * 5000,
    ],
)
def test_nothing_else_is_shown(server: Server, target: str) -> None:
    response = server.request(target=target)
    assert response.status == 404
    assert b"secret" not in response.body


def test_a_directory_is_asked_for_with_a_slash(server: Server) -> None:
    for target, location in (
        ("/sub", "/sub/"),
        ("/sub?a=b%20c", "/sub/?a=b%20c"),
        ("/listed", "/listed/"),
        ("/mount", "/mount/"),
        ("/mount?x", "/mount/?x"),
    ):
        response = server.request(target=target)
        assert (response.status, response["Location"]) == (301, location)


def test_no_redirect_leads_to_another_host(folder: Path, server: Server) -> None:
    for target in ("//sub", "/%2fsub", "///sub"):
        assert server.request(target=target).status == 404


def test_only_reading_is_possible(server: Server) -> None:
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "get"):
        response = server.request(method, "/app.js", body=b"x")
        assert (response.status, response["Allow"]) == (405, "GET, HEAD")


def test_validators_and_conditions(server: Server, folder: Path) -> None:
    response = server.request(target="/app.js")
    tag, modified = response["ETag"], response["Last-Modified"]
    before = formatdate(parsedate_to_datetime(modified).timestamp() - 1, usegmt=True)

    def status(*fields: tuple[str, str], method: str = "GET") -> int:
        return server.request(method, "/app.js", fields).status

    assert status(("If-None-Match", tag)) == 304
    assert status(("If-None-Match", f'"x", W/{tag}')) == 304
    assert status(("If-None-Match", "*"), method="HEAD") == 304
    assert status(("If-None-Match", '"x"'), ("If-Modified-Since", modified)) == 200
    assert status(("If-Modified-Since", modified)) == 304
    assert status(("If-Modified-Since", before)) == 200
    assert status(("If-Match", '"x"')) == 412
    assert status(("If-Match", tag)) == 200
    assert status(("If-Unmodified-Since", before)) == 412
    not_modified = server.request(target="/app.js", fields=[("If-None-Match", tag)])
    assert (not_modified["ETag"], not_modified.body, "Content-Type" in not_modified) == (tag, b"", False)
    (folder / "changing.txt").write_text("1")
    tag = server.request(target="/changing.txt")["ETag"]
    (folder / "changing.txt").write_text("2")
    changed = server.request(target="/changing.txt", fields=[("If-None-Match", tag)])
    assert (changed.status, changed.text) == (200, "2")


@pytest.mark.parametrize(
    ("field", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=100-199", 100, 199),
        ("bytes=255999-", 255_999, 255_999),
        ("bytes=100000-999999999", 100_000, 255_999),
        ("bytes=-6", 255_994, 255_999),
        ("bytes=-999999999", 0, 255_999),
    ],
)
def test_a_range_is_sent_alone(server: Server, field: str, first: int, last: int) -> None:
    response = server.request(target="/data.bin", fields=[("Range", field)])
    assert (response.status, response["Content-Range"]) == (206, f"bytes {first}-{last}/256000")
    assert response.body == DATA[first : last + 1]


def test_other_ranges(server: Server) -> None:
    def asked(*fields: tuple[str, str], target: str = "/data.bin", method: str = "GET"):
        return server.request(method, target, fields)

    outside = asked(("Range", "bytes=256000-"))
    assert (outside.status, outside["Content-Range"], outside.body) == (416, "bytes */256000", b"")
    assert asked(("Range", "bytes=0-"), target="/empty.css").status == 416
    for ignored in ("bytes=5-2", "bytes=0-1,5-6", "lines=0-1", "bytes=x", "bytes"):
        assert asked(("Range", ignored)).status == 200
    assert asked(("Range", "bytes=0-1"), method="HEAD").status == 200
    tag = asked()["ETag"]
    assert asked(("Range", "bytes=0-1"), ("If-Range", tag)).status == 206
    assert asked(("Range", "bytes=0-1"), ("If-Range", '"x"')).status == 200
    assert asked(("Range", "bytes=0-1"), ("If-None-Match", tag)).status == 304


def test_a_large_file_goes_to_many_at_once(server: Server, folder: Path) -> None:
    large = bytes(range(251)) * 40_000
    (folder / "large.bin").write_bytes(large)
    clients = [server.client() for _ in range(8)]
    for client in clients:
        client.send(b"GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n")
    for client in clients:
        assert client.response().body == large
        # The connection goes on.
        assert client.request(target="/app.js").body == b"let x;"
        client.close()


def test_a_directory_that_is_not_there_is_named_at_the_start(folder: Path) -> None:
    file = folder / "app.js"
    for name, said in (("surely-not-there", "there is no directory 'surely-not-there'"), (file, f"'{file}': ")):
        result = run_millau("serve", f"static:{name}", "--bind", "http://127.0.0.1:0")
        assert result.returncode == 3
        assert f"cannot load 'static:{name}': {said}" in result.stderr
