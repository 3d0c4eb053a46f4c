"""Django, the MoinMoin 2 wiki and the HOWTO's sample through every front server in every way, at the root and below a mount."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import importlib.metadata
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from html import unescape
from pathlib import Path
from urllib.parse import urlencode
from xml.etree import ElementTree

import pytest
from forced import forced
from front_server import FrontServer, Pair
from hosted_front import HOSTED_APPS, HOSTED_PAIRS, Application, Browser, Host, Hosts
from server import PATIENCE, command_environment
from test_hosted_django import TOKEN, manage
from visitor import FORM, MULTIPART, bytes_of, multipart

COVER = bytes_of(4_000_000)
ALICE = {"login_username": "alice", "login_password": "a long wonderland"}
ADMIN = Path(*importlib.util.find_spec("django.contrib.admin").submodule_search_locations)
NOT_BELOW = "/+serve/docs/user/search.html"
"""Stands in this form in a template of Moin's."""
EDITOR_PAGE = "/Caf%C3%A9/%C3%9Cber%20uns"


def copied(name: str, directory: Path) -> None:
    shutil.copytree(
        HOSTED_APPS / name, directory, ignore=shutil.ignore_patterns("__pycache__", "*.sqlite3"), dirs_exist_ok=True
    )


def prepare_django(directory: Path) -> None:
    copied("django", directory)
    (directory / "large.bin").write_bytes(bytes_of(3_000_000))
    manage(directory, "migrate", "--verbosity=0")
    name = ["--username=admin", "--email=admin@test.example"]
    manage(directory, "createsuperuser", "--noinput", *name, DJANGO_SUPERUSER_PASSWORD="admin")
    manage(directory, "collectstatic", "--noinput", "--verbosity=0")


def moin(directory: Path, *arguments: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", "from moin.cli import cli; cli()", *arguments],
        cwd=directory,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]


def prepare_wiki(directory: Path, kept: Path | None) -> None:
    """To load the help pages takes a quarter of a minute: they are kept for the next session."""
    made = kept and kept / f"moin-{importlib.metadata.version('moin')}"
    if made and made.exists():
        shutil.copytree(made, directory, dirs_exist_ok=True)
    else:
        moin(directory, "create-instance", "--full")
        name = ["--name", ALICE["login_username"], "--email", "alice@test.example"]
        moin(directory, "account-create", *name, "--password", ALICE["login_password"])
        if made:
            with tempfile.TemporaryDirectory(dir=kept) as aside:
                shutil.copytree(directory, Path(aside, "wiki"))
                if not made.exists():
                    Path(aside, "wiki").rename(made)
    config = directory / "wikiconfig.py"
    config.write_text(config.read_text().replace("YOUR-SUPER-EDITOR", ALICE["login_username"]))
    copied("moin", directory)


DJANGO = Application("django", "site1.wsgi:application", prepare_django, static="collected")
SAMPLE = Application("sample", "sample:app", lambda directory: copied("howto", directory))


@pytest.fixture(scope="session")
def hosts() -> Iterator[Hosts]:
    hosts = Hosts()
    yield hosts
    hosts.close()


def names(pairs: Sequence[tuple[Pair, str]]) -> list[str]:
    return [f"{pair}{' below ' + mount if mount else ''}" for pair, mount in pairs]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    resident = [(pair, mount) for pair, mount in HOSTED_PAIRS if pair.way != "cgi"]
    cgi = [(pair, mount) for pair, mount in HOSTED_PAIRS if pair.way == "cgi"]
    chosen = {
        "django": HOSTED_PAIRS,
        "sample": HOSTED_PAIRS,
        "wiki": resident,
        "edited_wiki": resident,
        "cgi_wiki": cgi,
    }
    for name, pairs in chosen.items():
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, pairs, ids=names(pairs), indirect=True, scope="module")


def skip_where_missing(hosts: Hosts, pair: Pair) -> None:
    missing = hosts.missing(pair)
    if missing and os.environ.get("INTEROP_REQUIRED"):
        pytest.fail(f"{missing}, and INTEROP_REQUIRED asks for it")
    if missing:
        pytest.skip(missing)


def fronted(hosts: Hosts, pair: Pair, mount: str, application: Application) -> Iterator[FrontServer]:
    skip_where_missing(hosts, pair)
    with hosts.host(application, mount).behind(pair) as front:
        yield front


@pytest.fixture(scope="module")
def django(request, hosts) -> Iterator[FrontServer]:
    yield from fronted(hosts, *request.param, DJANGO)


@pytest.fixture(scope="module")
def wiki(request, hosts) -> Iterator[FrontServer]:
    yield from the_wiki(request, hosts)


def the_wiki(request, hosts) -> Iterator[FrontServer]:
    if importlib.util.find_spec("moin") is None:
        missing = "moin's package is not installed"
        if os.environ.get("INTEROP_REQUIRED"):
            pytest.fail(f"{missing}, and INTEROP_REQUIRED asks for it")
        pytest.skip(missing)
    cache = getattr(request.config, "cache", None)
    kept = Path(cache.mkdir("wikis")) if cache else None
    application = Application("wiki", "wiki:application", lambda directory: prepare_wiki(directory, kept))
    yield from fronted(hosts, *request.param, application)


@pytest.fixture(scope="module")
def edited_wiki(request, hosts) -> Iterator[FrontServer]:
    """The same, after all that only read: an edit makes Moin render its feed anew, for seconds."""
    yield from the_wiki(request, hosts)


@pytest.fixture(scope="module")
def cgi_wiki(request, hosts) -> Iterator[FrontServer]:
    """Started anew for each request, which takes seconds: for a few of them."""
    yield from the_wiki(request, hosts)


@pytest.fixture(scope="module")
def sample(request, hosts) -> Iterator[FrontServer]:
    yield from fronted(hosts, *request.param, SAMPLE)


def needs_bodies(front: FrontServer) -> None:
    if forced(front.pair, "bodies"):
        pytest.skip(forced(front.pair, "bodies"))


# Django


def token(browser: Browser) -> str:
    return browser.find(TOKEN)


def form(**values: str) -> bytes:
    return urlencode(values).encode()


def log_in(browser: Browser) -> None:
    browser.get("/admin/login/?next=/admin/")
    values = {"username": "admin", "password": "admin", "next": f"{browser.front.mount}/admin/"}
    body = form(**values, csrfmiddlewaretoken=token(browser))
    browser.ask("POST", "/admin/login/", 302, [FORM], body)


def test_django_shows_its_pages_with_their_files(django):
    with Browser(django) as browser:
        assert browser.get("/admin/", 302)["Location"] == f"{django.mount}/admin/login/?next={django.mount}/admin/"
        page = browser.follow()
        assert "Log in | Django site admin" in page.text
        files = re.findall(r'(?:href|src)="([^"]+\.(?:css|js|svg))"', page.text)
        assert len(files) > 5
        for address in files:
            path = browser.below(address)
            file = browser.get(path)
            assert file["Content-Type"].startswith(
                ("text/css", "text/javascript", "application/javascript", "image/svg")
            )
            assert file.body == (ADMIN / path.lstrip("/")).read_bytes()
        browser.get("/static/admin/css/none.css", 404)


def test_an_administrator_logs_in_uploads_and_logs_out(django):
    needs_bodies(django)
    with Browser(django) as browser:
        browser.get("/admin/login/?next=/admin/")
        browser.ask("POST", "/admin/login/", 403, [FORM], form(username="admin", password="admin"))
        browser.get("/admin/login/?next=/admin/")
        wrong = form(username="admin", password="wrong", csrfmiddlewaretoken=token(browser))
        browser.ask("POST", "/admin/login/?next=/admin/", 200, [FORM], wrong)
        assert "Please enter the correct username and password" in browser.last.text
        log_in(browser)
        assert "Site administration" in browser.follow().text

        browser.get("/admin/library/book/add/")
        cover = ("größe.bin", "application/octet-stream", COVER)
        title = f"A book by way of {django.pair}"
        body = multipart(csrfmiddlewaretoken=token(browser), title=title, cover=cover, _save="Save")
        browser.ask("POST", "/admin/library/book/add/", 302, [MULTIPART], body)
        assert "was added successfully" in browser.follow().text
        browser.get(browser.below(browser.find(r'<a href="([^"]*/admin/library/book/\d+/change/)">A book by way of')))
        kept = browser.get(browser.below(browser.find(r'<a href="([^"]*/media/covers/[^"]*)"')))
        assert hashlib.sha256(kept.body).hexdigest() == hashlib.sha256(COVER).hexdigest()

        browser.get("/admin/")
        browser.ask("POST", "/admin/logout/", 200, [FORM], form(csrfmiddlewaretoken=token(browser)))
        assert "Log in again" in browser.last.text
        browser.get("/admin/", 302)


def test_django_reads_a_form_with_files(django):
    needs_bodies(django)
    with Browser(django) as browser:
        body = multipart(note="äöü", large=("a.bin", "image/png", COVER), small=("b.txt", "text/plain", b"\r\n--\r\n"))
        seen = json.loads(browser.ask("POST", "/upload", 200, [MULTIPART], body).body)
        assert seen["fields"] == {"note": "äöü"}
        assert seen["files"]["large"]["sha256"] == hashlib.sha256(COVER).hexdigest()
        assert seen["files"]["small"]["sha256"] == hashlib.sha256(b"\r\n--\r\n").hexdigest()


def test_django_streams_and_sends_files(django):
    with Browser(django) as browser:
        assert browser.get("/stream").text == "".join(f"piece {number}\n" for number in range(100) if number % 3)
        rows = browser.get("/stream/lines")
        assert rows["Content-Disposition"] == 'attachment; filename="rows.csv"'
        assert rows.text.splitlines()[4999] == "Row 4999,4999"
        file = browser.get("/file")
        assert file.body == bytes_of(3_000_000)
        assert file["Content-Length"] == "3000000"
        page = browser.get("/long", fields=[("Accept-Encoding", "gzip")])
        assert gzip.decompress(page.body) == b"a long page\n" * 500
        browser.get("/long", 304, [("If-None-Match", page["ETag"]), ("Accept-Encoding", "gzip")])
        assert browser.ask("HEAD", "/file")["Content-Length"] == "3000000"


def test_django_knows_its_addresses(django):
    with Browser(django) as browser:
        seen = json.loads(browser.get("/say/a%20b/c;d?q=%C3%A9&q=2", fields=[("X-Latin", "caf\xe9")]).body)
        assert (seen["path_info"], seen["path"]) == ("/say/a b/c;d", f"{django.mount}/say/a b/c;d")
        assert seen["query"] == "q=%C3%A9&q=2"
        assert seen["absolute"] == f"{browser.origin}{django.mount}/say/a%20b/c%3Bd?q=%C3%A9&q=2"
        assert seen["headers"]["X-Latin"] == "caf\xe9"
        assert seen["secure"] is False
        assert browser.get("/books", 301)["Location"] == f"{django.mount}/books/"
        browser.get("/none", 404)
        assert "Not Found" in browser.last.text
        assert browser.get("/fails", 500).text.count("Server Error (500)")
        browser.get("/cookies")
        assert browser.cookies["quoted"] == r'"a \"b\"\073 c"'
        assert [browser.get("/visits").text for _ in range(2)] == ["visit 1", "visit 2"]


# The wiki


def links(page: str) -> list[str]:
    """Those within the server."""
    addresses = [unescape(address) for address in re.findall(r'(?:href|src|action)="([^"]*)"', page)]
    return [address for address in addresses if address.startswith("/") and address != NOT_BELOW]


def test_the_wiki_shows_its_pages_and_all_links_stay_below_the_mount(wiki):
    with Browser(wiki) as browser:
        assert browser.get("/", 302)["Location"] == f"{wiki.mount}/Home"
        page = browser.follow().text
        assert "MoinMoin Wiki Welcome" in page
        files = {browser.below(address) for address in links(page) if re.search(r"\.(css|js|png|svg|ico)$", address)}
        assert len(files) > 10
        for file in sorted(files):
            assert browser.get(file).body
        for path in ("/+history/Home", "/+index/", "/help-en/Home"):
            browser.get(path)
            assert len([browser.below(address) for address in links(browser.last.text)]) > 10
        browser.get("/None/at%20all", 404)
        assert [browser.below(address) for address in links(browser.last.text)]
        browser.get("/+modify/Home", 403)


def test_the_wiki_answers_as_a_program_for_one_request(cgi_wiki):
    with Browser(cgi_wiki) as browser:
        assert "MoinMoin Wiki Welcome" in browser.get("/Home").text
        files = [browser.below(address) for address in links(browser.last.text) if address.endswith(".css")]
        assert browser.get(files[0])["Content-Type"].startswith("text/css")
        browser.get("/+modify/Home", 403)


def test_the_wiki_s_feed_arrives_whole(wiki):
    with Browser(wiki) as browser:
        feed = browser.get("/+feed/atom")
        assert len(feed.body) > 600_000
        atom = "{http://www.w3.org/2005/Atom}"
        entries = ElementTree.fromstring(feed.body).findall(f"{atom}entry")
        assert len(entries) > 30
        for entry in entries:
            for link in entry.findall(f"{atom}link"):
                browser.below(link.get("href"))


def test_the_wiki_finds_a_page(wiki):
    with Browser(wiki) as browser:
        page = browser.get("/+search?" + urlencode({"q": "Überschrift OR headings"}))
        found = {browser.below(address) for address in links(page.text)}
        assert any(path.startswith("/help-en/") for path in found), found


def test_an_author_logs_in_and_edits_the_wiki(edited_wiki):
    needs_bodies(edited_wiki)
    with Browser(edited_wiki) as browser:
        browser.get("/+login")
        values = ALICE | {"login_nexturl": f"{edited_wiki.mount}/Home", "login_submit": "1"}
        browser.ask("POST", "/+login", 302, [FORM], form(**values))
        assert "You are logged in." in browser.follow().text
        path = f"{EDITOR_PAGE}%20{edited_wiki.pair}"
        browser.get(f"/+modify{path}?itemtype=default&contenttype=text/plain;charset%3Dutf-8", 302)
        browser.follow()
        assert [browser.below(address) for address in links(browser.last.text)]
        address = browser.below(
            f"{edited_wiki.mount}/+modify{path}?itemtype=default&contenttype=text/plain;charset%3Dutf-8&template="
        )
        text = "Grüße von " + "weit her " * 20_000
        body = multipart(
            content_form_data_text="",
            content_form_data_file=("grüße.txt", "text/plain", text.encode()),
            comment="größer",
            meta_form_acl="None",
            meta_form_name=f"Café/Über uns {edited_wiki.pair}",
            meta_form_summary="",
            meta_form_tags="",
        )
        browser.ask("POST", address, 302, [MULTIPART], body)
        assert "Grüße von weit her" in browser.follow().text
        assert browser.get(f"/+get{path}").text == text
        assert "größer" in browser.get(f"/+history{path}").text
        browser.get("/+logout", 302)
        browser.get(f"/+modify{path}", 403)


# The HOWTO's sample


def table(browser: Browser) -> dict[str, str]:
    rows = re.findall(r"<tr><th>(.*?)</th><td>(.*?)</td></tr>\n", browser.last.body.decode("latin-1"), re.S)
    return {unescape(name): unescape(value) for name, value in rows}


def assert_environment_is_shown(front: FrontServer) -> None:
    with Browser(front) as browser:
        browser.get("/a%20b/%C3%A9/c;d?x=1%26&y=%20", fields=[("X-Twice", "one"), ("X-Twice", "two")])
        assert browser.last.text.startswith("<h1>FastCGI Environment</h1><table>")
        assert browser.last.text.endswith("</table>")
        assert browser.last["Content-Type"] == "text/html"
        seen = table(browser)
        assert (seen["SCRIPT_NAME"], seen["PATH_INFO"]) == (front.mount, "/a b/\xc3\xa9/c;d")
        assert seen["QUERY_STRING"] == "x=1%26&y=%20"
        assert re.fullmatch("one, ?two", seen["HTTP_X_TWICE"])
        assert (seen["REQUEST_METHOD"], seen["REMOTE_ADDR"]) == ("GET", "127.0.0.1")
        assert seen["wsgi.run_once"] == str(front.pair.way == "cgi")
        assert browser.ask("HEAD", "/").body == b""


def assert_bodies_may_stay_unread(front: FrontServer) -> None:
    with Browser(front) as browser:
        for _ in range(3):
            browser.ask("POST", "/form", 200, [("Content-Type", "text/plain")], b"unread" * 20_000)
            assert table(browser)["CONTENT_LENGTH"] == "120000"


def test_the_sample_shows_its_environment(sample):
    assert_environment_is_shown(sample)


def test_the_sample_leaves_a_body_unread(sample):
    needs_bodies(sample)
    assert_bodies_may_stay_unread(sample)


OWN = [(pair, mount) for pair, mount in HOSTED_PAIRS if pair.way in ("spawn", "fastcgi", "cgi")]
# mod_proxy_fcgi does not tell where a mount ends, and flup's FastCGI server has no argument that would.
OWN = [(pair, mount) for pair, mount in OWN if not mount or str(pair) != "apache-fastcgi"]


@pytest.mark.parametrize(("pair", "mount"), OWN, ids=names(OWN))
def test_the_sample_runs_with_nothing_but_its_import_changed(hosts, pair, mount, tmp_path):
    skip_where_missing(hosts, pair)
    host = hosts.host(SAMPLE, mount)
    with contextlib.ExitStack() as stack:
        if pair.way in ("spawn", "cgi"):
            where = host.own_program(pair, "sample_program.py")
        else:
            where = f"fastcgi+unix:{stack.enter_context(own_server(host))}"
        front = stack.enter_context(host.behind(pair, where))
        assert_environment_is_shown(front)
        assert_bodies_may_stay_unread(front)


@contextlib.contextmanager
def own_server(host: Host) -> Iterator[Path]:
    """The sample as a program of its own, with a bindAddress."""
    socket = host.path / "own.sock"
    command = [sys.executable, "sample_program.py", str(socket)]
    env = command_environment()
    process = subprocess.Popen(command, cwd=host.directory, env=env, stderr=subprocess.PIPE, umask=0, text=True)
    try:
        while " listening on " not in (line := process.stderr.readline()):
            assert line, f"ended with {process.wait(PATIENCE)}"
        yield socket
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
