"""The same pages and handlers under Apache with the real mod_python and under Millau: the answers are the same.

Where the real one is wrong on Python 3, it is not compared; docs/mod_python.md says where that is.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from client import Response
from modpython_apache import ModPython, why_not
from server import Server

SITES = Path(__file__).resolve().parents[1] / "apps_modpython"

pytestmark = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))

HANDLERS = ("hello", "error_pages", "template", "echo", "conditions", "results", "sendfile", "redirects", "counter")


@dataclass
class Both:
    apache: ModPython
    millau: Server

    def ask(
        self, target: str, method: str, fields: list[tuple[str, str]], body: bytes | None
    ) -> tuple[Response, Response]:
        # The echo handler shows the Host field.
        fields = [("Host", "example.test"), *fields]
        with self.apache.client() as client:
            real = client.request(method, target, fields, body)
        return real, self.millau.request(method, target, fields, body)


@pytest.fixture(scope="module")
def both() -> Iterator[Both]:
    # pytest's own folders are closed to www-data.
    with tempfile.TemporaryDirectory(prefix="millau-modpython-") as name:
        yield from served(Path(name))


def served(folder: Path) -> Iterator[Both]:
    folder.chmod(0o755)
    site = folder / "site"
    shutil.copytree(SITES, site, ignore=shutil.ignore_patterns("__pycache__"))
    handlers = [
        (f"/h/{name}", f"AddHandler mod_python .x .html\nSetHandler mod_python\nPythonHandler {name}")
        for name in HANDLERS
    ]
    for path, _ in handlers:
        # One directory each, so that each has a handler of its own.
        shutil.copytree(site / "handlers", site / path[1:])
    (folder / "apache").mkdir()
    apache = ModPython(
        folder / "apache",
        [
            *[(path, site / path[1:], lines) for path, lines in handlers],
            ("/manual", site / "manual", "SetHandler mod_python\nPythonHandler mod_python.publisher"),
            ("/pages", site / "pages", "AddHandler mod_python .psp\nPythonHandler mod_python.psp"),
        ],
    )
    mounts = [f"--mount={path}=handler:{site / path[1:] / path[3:]}.py" for path, _ in handlers]
    arguments = [f"--mount=/manual=publisher:{site / 'manual'}", f"--mount=/pages=psp:{site / 'pages'}", *mounts]
    try:
        with Server(arguments[0], *arguments[1:]) as millau:
            yield Both(apache, millau)
    finally:
        apache.close()


UPLOAD = [("Content-Type", "multipart/form-data; boundary=xYz")]
UPLOADED = (
    b'--xYz\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\n'
    b"some\r\n--xY text\r\n\r\n--xYz--\r\n"
)

REQUESTS: list[tuple[str, str, list[tuple[str, str]], bytes | None]] = [
    *[
        (f"/manual{path}", "GET", [], None)
        for path in (
            "/",
            "/index",
            "/index/",
            "/index/index",
            "/index/hello",
            "/index.py",
            "/index.py/hello/",
            "/hello",
            "/hello.py",
            "/hello.py/say",
            "/hello.py/say/",
            "/hello/say?what=hello",
            "/hello/say?what=hello&unknown=dropped",
            "/hello/say?what=two%20words+more",
            "/hello/say?what=",
            "/hello.say",
            "/spam",
            "/spam/eggs",
            "/folder",
            "/folder/",
            "/folder/index",
            "/folder/other",
            "/folder/nothing",
            "/form.html",
            "/objects/text",
            "/objects/number",
            "/objects/html_text",
            "/objects/nothing",
            "/objects/_hidden",
            "/objects/missing",
            "/objects/mapping",
            "/objects/os",
            "/objects/os/getcwd",
            "/objects/Page",
            "/objects/Page/title",
            "/objects/page",
            "/objects/page/title",
            "/objects/page/name",
            "/objects/page/_private",
            "/objects/page/__class__",
            "/objects/page/method",
            "/objects/page/method?value=word",
            "/objects/page/child",
            "/objects/page/child/method?value=word",
            "/objects/page.child.name",
            "/objects/called?value=word",
            "/objects/length",
            "/objects/function?left=eggs",
            "/objects/function?left=eggs&right=spam&other=1x",
            "/objects/function",
            "/objects/function/left",
            "/objects/several?value=one",
            "/objects/several?value=one&value=two",
            "/objects/gives_a_callable?left=eggs",
            "/objects/silent",
            "/objects/plain_html",
            "/objects/moved",
            "/objects/moved_for_good",
            "/objects/refused",
            "/objects/created",
            "/objects/location",
            "/objects/fails",
            "/members/hello",
            "/members.py/missing",
            "/secret/sensitive",
        )
    ],
    ("/manual/members/hello", "GET", [("Authorization", "Basic ===")], None),
    ("/manual/objects/uploaded", "POST", UPLOAD, UPLOADED),
    ("/manual/objects/uploaded", "POST", [("Content-Type", "multipart/form-data")], UPLOADED),
    ("/manual/hello/say", "PUT", [], b"x"),
    ("/manual/hello/say", "DELETE", [], None),
    ("/manual/hello/say?what=head", "HEAD", [], None),
    *[
        (f"/pages/{page}", "GET", [], None)
        for page in (
            "hello.psp",
            "loop.psp",
            "colon.psp",
            "includes.psp",
            "redirect.psp",
            "with_error_page.psp",
            "apply.psp?name=Anna",
            "missing.psp",
            "fails.psp",
            "broken.psp",
            "hello.psp/more/path",
        )
    ],
    ("/h/hello/anything.x", "GET", [], None),
    ("/h/hello/", "HEAD", [], None),
    ("/h/error_pages/apache-error.html", "GET", [], None),
    ("/h/error_pages/handler-error.html", "GET", [], None),
    ("/h/error_pages/else.html", "GET", [], None),
    ("/h/template/page.html", "GET", [], None),
    ("/h/echo/some/path?query=1x&two", "GET", [("Accept", "text/x"), ("X-Field", "1")], None),
    ("/h/echo/a%20b?%20x", "GET", [], None),
    ("/h/echo/body", "POST", [("Content-Type", "text/plain")], b"one\r\ntwo\nthree"),
    ("/h/echo/body", "PUT", [], b""),
    ("/h/conditions/x", "GET", [], None),
    ("/h/conditions/x", "GET", [("If-None-Match", '"1130794f-3774-4584-a4ea-0ab19e684268"')], None),
    ("/h/conditions/x", "GET", [("If-None-Match", '"other"')], None),
    ("/h/conditions/x", "GET", [("If-Modified-Since", "Sun, 09 Sep 2001 01:46:40 GMT")], None),
    ("/h/conditions/x", "GET", [("If-Modified-Since", "Sun, 09 Sep 2001 01:46:39 GMT")], None),
    ("/h/conditions/x", "GET", [("If-Match", '"other"')], None),
    ("/h/conditions/x", "GET", [("If-Unmodified-Since", "Sun, 09 Sep 2001 01:46:39 GMT")], None),
    *[
        (f"/h/results/x?{what}", "GET", [], None)
        for what in (
            "done",
            "raised",
            "raised_ok",
            "two",
            "location",
            "not_allowed",
            "no_content",
            "default_type",
            "header_type",
            "cookies",
            "length",
            "none",
            "unauthorized",
            "declined",
            "",
        )
    ],
    *[(f"/h/sendfile/x?{what}", "GET", [], None) for what in ("", "part", "between", "flushed", "absent")],
    ("/h/redirects/first", "GET", [], None),
    ("/h/redirects/third", "GET", [], None),
]

# What the peer itself or the day decides about.
IGNORED = {"date", "server", "connection", "keep-alive", "transfer-encoding", "content-length", "vary", "accept-ranges"}


def shown(response: Response) -> dict[str, object]:
    if response.status == 500:
        return {"status": 500}
    fields = []
    for name, value in response.fields:
        if name.lower() == "allow":
            # Apache answers TRACE by itself.
            value = ", ".join(sorted(method for method in value.replace(" ", "").split(",") if method != "TRACE"))
        if name.lower() == "location":
            value = value.removeprefix("http://example.test")
        if name.lower() not in IGNORED:
            fields.append((name.lower(), value))
    # The pages of errors and of redirects are each server's own.
    is_own = (response.status >= 400 and b"<html>" in response.body.lower()) or b"document has moved" in response.body
    return {"status": response.status, "fields": sorted(fields), "body": None if is_own else response.body}


@pytest.mark.parametrize(("target", "method", "fields", "body"), REQUESTS)
def test_the_answer_is_the_same(both: Both, target: str, method: str, fields: list, body: bytes | None) -> None:
    real, ours = both.ask(target, method, fields, body)
    ours_shown, real_shown = shown(ours), shown(real)
    assert ours_shown == real_shown
