"""A Django 5.2 site over Millau, as over wsgiref."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlencode

import pytest
from comparison import AnswersManyAtOnce
from visitor import FORM, MULTIPART, Step, bytes_of, multipart

TOKEN = r'name="csrfmiddlewaretoken" value="(\w+)"'

NO_CONTENT_TYPED = "Django gives a 204 a Content-Type, which the validator forbids"

LARGE_UPLOAD = bytes_of(6_000_000)


def form(**values: str):
    """A form sent with the token of the page before."""
    return lambda visitor: urlencode(values | {"csrfmiddlewaretoken": visitor.find(TOKEN)}).encode()


def book_with_cover(visitor) -> bytes:
    return multipart(
        csrfmiddlewaretoken=visitor.find(TOKEN),
        title="A book with a cover",
        cover=("cover.bin", "application/octet-stream", bytes_of(200_000)),
        _save="Save",
    )


class TestDjango(AnswersManyAtOnce):
    app = "django"
    target = "site1.wsgi:application"
    masks = [
        (r"(csrftoken|sessionid)=\w+", r"\1=..."),
        (r'(name="csrfmiddlewaretoken" value=")\w+', r"\1..."),
        (r"expires=\w{3}, [^;]+ GMT", "expires=..."),
        (r"messages=[^;]*", "messages=..."),
    ]
    at_once = ["upload", "body", "static", "files", "streaming", "conditional", "addresses"]
    own_complaints = True  # DEBUG is off: failing views and refused hosts are logged

    @classmethod
    def prepare(cls, directory: Path) -> None:
        (directory / "large.bin").write_bytes(bytes_of(3_000_000))
        manage(directory, "migrate", "--verbosity=0")
        manage(
            directory,
            "createsuperuser",
            "--noinput",
            "--username=admin",
            "--email=admin@test.example",
            DJANGO_SUPERUSER_PASSWORD="admin",
        )

    flows = {
        "admin": [
            Step("GET", "/admin/", 302),
            Step("GET", "/admin/login/?next=/admin/", contains="Log in | Django site admin"),
            Step("POST", "/admin/login/?next=/admin/", 403, fields=[FORM], body=b"username=admin&password=admin"),
            Step("GET", "/admin/login/?next=/admin/"),
            Step(
                "POST",
                "/admin/login/?next=/admin/",
                contains="Please enter the correct username and password",
                fields=[FORM],
                body=form(username="admin", password="wrong"),
            ),
            Step(
                "POST",
                "/admin/login/?next=/admin/",
                302,
                fields=[FORM],
                body=form(username="admin", password="admin", next="/admin/"),
            ),
            Step("GET", "/admin/", contains="Site administration"),
            Step("GET", "/admin/library/book/add/", contains='enctype="multipart/form-data"'),
            Step("POST", "/admin/library/book/add/", 302, fields=[MULTIPART], body=book_with_cover),
            Step("GET", "/admin/library/book/", contains="was added successfully"),
            Step("GET", "/admin/library/book/1/change/", contains="covers/cover.bin"),
            Step("GET", "/media/covers/cover.bin", contains="000000000000999\n", volatile=["last-modified"]),
            Step("GET", "/admin/jsi18n/", contains="django.gettext"),
            Step("HEAD", "/admin/"),
            Step("GET", "/admin/auth/user/add/", contains="Add user"),
            Step("POST", "/admin/logout/", fields=[FORM], body=form(), contains="Log in again"),
            Step("GET", "/admin/", 302),
        ],
        "upload": [
            Step(
                "POST",
                "/upload",
                contains='"kept": "InMemoryUploadedFile"',
                fields=[MULTIPART],
                body=multipart(
                    note="äöü", one=("one.txt", "text/plain", b"one\r\n"), two=("two", "image/png", b"\0\r\n--")
                ),
            ),
            Step(
                "POST",
                "/upload",
                contains='"kept": "TemporaryUploadedFile"',
                fields=[MULTIPART],
                body=multipart(note="large", large=("large.bin", "application/octet-stream", LARGE_UPLOAD)),
                name="large upload",
            ),
            Step(
                "POST",
                "/upload",
                contains='"size": 6000000',
                fields=[MULTIPART],
                body=multipart(large=("large.bin", "application/octet-stream", LARGE_UPLOAD)),
                expect_continue=True,
                name="large upload after 100 (Continue)",
            ),
            Step("POST", "/upload", fields=[FORM], body=b"a=1&b=%C3%A9&a=2", contains='"a": "2"'),
            Step("POST", "/upload", fields=[FORM], body=b"", contains='"fields": {}'),
            Step("POST", "/upload", 400, fields=[MULTIPART[:1] + ("multipart/form-data",)], body=b"no boundary"),
            Step(
                "POST", "/echo", 400, body=bytes(3_000_000), fields=[("Content-Type", "text/plain")], name="too large"
            ),
            Step("POST", "/upload", fields=[FORM], body=b"a=1", contains='"a": "1"', name="after a refused body"),
        ],
        "body": [
            Step("POST", "/echo", body=bytes_of(100_000), contains="000000000000042\n"),
            Step("POST", "/echo", body=bytes_of(100_000), chunks=7000, contains="000000000000042\n"),
            Step("POST", "/echo", fields=[FORM], body=b"a=1", chunks=1, contains="a=1"),
            Step("PUT", "/echo", body=b"put", contains="put"),
            Step("DELETE", "/echo"),
            Step("PATCH", "/echo", body=b"\0\xff", fields=[("Content-Type", "application/json")], contains="\0\xff"),
            Step("POST", "/echo", body=b"", fields=[FORM]),
            Step("POST", "/pieces", body=b"first\nsecond\n" + bytes_of(50_000), contains='"second\\n"'),
            Step("POST", "/pieces", body=b"no end of line", contains='"after": ""'),
            Step("POST", "/nothing", 403, body=bytes_of(50_000), name="unread body"),
            Step("GET", "/nothing", 204, not_validated=NO_CONTENT_TYPED, name="after an unread body"),
        ],
        "static": [
            Step("GET", "/static/admin/css/base.css", contains="DJANGO Admin styles"),
            Step("HEAD", "/static/admin/css/base.css"),
            Step(
                "GET",
                "/static/admin/css/base.css",
                304,
                fields=lambda visitor: [("If-Modified-Since", visitor.last["Last-Modified"])],
            ),
            Step(
                "GET",
                "/static/admin/css/base.css",
                fields=[("If-Modified-Since", "Mon, 01 Jan 2001 00:00:00 GMT")],
                contains="DJANGO Admin styles",
            ),
            Step("GET", "/static/admin/img/icon-yes.svg", contains="<svg"),
            Step("GET", "/static/none.css", 404),
            Step("GET", "/static/../site1/settings.py", 400),
            Step("GET", "/media/", 404),
        ],
        "files": [
            Step("GET", "/file", contains="000000000187499\n"),
            Step("HEAD", "/file"),
            Step("GET", "/file", version="1.0", contains="000000000187499\n"),
            Step("GET", "/file/tail", contains="000000000187499\n"),
            Step("GET", "/file/memory", contains="in memory\n"),
            Step("GET", "/file/memory", fields=[("Accept-Encoding", "gzip")], name="compressed file"),
        ],
        "streaming": [
            Step("GET", "/stream", contains="piece 1\npiece 2\npiece 4\n"),
            Step("HEAD", "/stream"),
            Step("GET", "/stream", version="1.0", contains="piece 98\n"),
            Step("GET", "/stream/lines", contains="Row 4999,4999\r\n"),
            Step("GET", "/stream/fails", contains="a beginning", breaks=True),
            Step("GET", "/stream", contains="piece 98\n", name="after a broken stream"),
        ],
        "answers": [
            Step("GET", "/cookies", contains="cookies"),
            Step("GET", "/visits", contains="visit 1"),
            Step("GET", "/visits", contains="visit 2"),
            Step("GET", "/redirect", 302),
            Step("GET", "/nothing", 204, not_validated=NO_CONTENT_TYPED),
            Step("HEAD", "/nothing", 204, not_validated=NO_CONTENT_TYPED),
            Step("GET", "/reason", 299, "ok"),
            Step("GET", "/fails", 500, "Server Error (500)"),
            Step("GET", "/forbidden", 403),
            Step("GET", "/none", 404, "Not Found"),
            Step("GET", "/books", 301, name="missing slash"),
            Step("POST", "/say/x", 403, body=b"", fields=[FORM]),
            Step("GET", "/upload", contains='"files": {}'),
            Step("GET", "/books/", contains="<ul>", volatile=["etag"]),
            Step("POST", "/books/", 302, fields=[FORM], body=form(title="Café")),
            Step("GET", "/books/", contains="<li>Caf\xc3\xa9</li>", volatile=["etag"]),
            Step("OPTIONS", "/nothing", 204, not_validated=NO_CONTENT_TYPED),
            Step("GET", "/", 404),
        ],
        "conditional": [
            Step("GET", "/long", contains="a long page\na long page\n"),
            Step("GET", "/long", 304, fields=lambda visitor: [("If-None-Match", visitor.last["ETag"])]),
            Step("GET", "/long", fields=[("If-None-Match", '"other"')], contains="a long page\n"),
            Step("HEAD", "/long"),
            Step(
                "GET", "/long", fields=[("Accept-Encoding", "br, gzip")], volatile=["content-length"], name="compressed"
            ),
        ],
        "addresses": [
            Step("GET", "/say/a%20b/c%2Fd;e", contains='"what": "a b/c/d;e"'),
            Step("GET", "/say/%C3%A9t%C3%A9?q=%C3%A9&q=2&empty=", contains='"q": ["\\u00e9", "2"]'),
            Step("GET", "/say/%FF", contains='"what": "%FF"'),
            Step("GET", "/say/x?%41=%zz", contains='"query": "%41=%zz"'),
            Step("GET", "/say/x", fields=[("X-Forwarded-Proto", "https"), ("User-Agent", "test/1")]),
            Step("GET", "/say/x", fields=[("Accept", "text/html"), ("Accept", "application/json")]),
            Step("GET", "/say/x", fields=[("X-Latin", "caf\xe9")], contains="caf\\u00e9"),
        ],
    }

    @pytest.mark.parametrize("kind", ["reference", "millau", "validated"])
    def test_live_server(self, servers, kind):
        """A test process and the server change one database in turn, as in Django's LiveServerTestCase."""
        hosted = servers[kind]
        said = manage(hosted.directory, "visit_live", f"http://127.0.0.1:{hosted.server.port}")
        assert said.splitlines() == [
            "seen through the server: True",
            "message after the redirect: True",
            "in the database: 1",
            "without a token: 403",
            "forged: 0",
            "left after deleting: 0",
        ]


def manage(directory: Path, *arguments: str, **environment: str) -> str:
    """Run `manage.py` of an instance and return what it prints."""
    ran = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=directory,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"} | environment,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout
