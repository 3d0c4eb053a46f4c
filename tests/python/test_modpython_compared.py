"""The same pages and handlers under Apache with the real mod_python and under Millau: the answers are the same.

Where the real one is wrong on Python 3, it is not compared; docs/mod_python.md says where that is.
"""

from __future__ import annotations

import base64
import re
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

HANDLERS = (
    "hello",
    "error_pages",
    "template",
    "echo",
    "conditions",
    "results",
    "sendfile",
    "redirects",
    "counter",
    "visits",
    "fields",
)


def basic(user: str, password: str) -> list[tuple[str, str]]:
    return [("Authorization", "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode())]


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


FORM = [("Content-Type", "application/x-www-form-urlencoded")]
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
    *[
        (f"/manual/{page}", "GET", basic(user, password), None)
        for page in ("members/hello", "secret/sensitive")
        for user, password in (("eggs", "spam"), ("spam", "eggs"), ("joe", "eoj"), ("eggs", "wrong"), ("", ""))
    ],
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
    *[
        (f"/h/fields/{path}", "POST", FORM, body)
        for path in ("x", "blank", "x?of=query&name=both")
        for body in (
            b"name=Ada&email=ada%40example.org&text=two+words%21%0D%0Aline",
            b"name=&name=b&c&=d&e=%C3%A4",
            b"",
        )
    ],
    ("/h/fields/x", "POST", UPLOAD, UPLOADED),
    ("/h/fields/x?name=query", "PUT", FORM, b"name=body"),
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
        if name.lower() == "www-authenticate":
            value = value.replace(" = ", "=")
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


@pytest.mark.parametrize(
    "path", ["/manual/_deletion/delete", "/manual/_deletion.py/delete", "/manual/_lib/inner/delete"]
)
def test_modules_with_an_underscore_are_published_by_apache_only(both: Both, path: str) -> None:
    real, ours = both.ask(path, "GET", [], None)
    assert (real.status, real.body) == (200, b"deleted")
    assert ours.status == 403


def cookies_of(response: Response) -> dict[str, str]:
    found = [value for name, value in response.fields if name.lower() == "set-cookie"]
    return dict(value.partition(";")[0].split("=", 1) for value in found)


class Visitor:
    """Sends the cookies of one side back to it."""

    def __init__(self, ask) -> None:
        self.ask = ask
        self.cookies: dict[str, str] = {}

    def get(self, target: str) -> Response:
        fields = [("Host", "example.test")]
        if self.cookies:
            fields.append(("Cookie", "; ".join(f"{name}={value}" for name, value in self.cookies.items())))
        response = self.ask("GET", target, fields)
        self.cookies |= cookies_of(response)
        return response


def visitors(both: Both) -> tuple[Visitor, Visitor]:
    def ask_apache(*request) -> Response:
        with both.apache.client() as client:
            return client.request(*request, None)

    return Visitor(ask_apache), Visitor(both.millau.request)


def test_a_session_goes_on_from_request_to_request(both: Both) -> None:
    """The hit counter of the manual. The ids differ, and so do the attributes of the cookie, on purpose."""
    told = []
    for visitor in visitors(both):
        answers = [visitor.get("/h/counter/x")]
        first = dict(visitor.cookies)
        answers += [visitor.get(f"/h/counter/{path}") for path in ("x", "y", "end", "x")]
        assert list(first) == ["pysid"]
        assert re.fullmatch("[0-9a-f]{32}", first["pysid"])
        told.append(
            [(answer.status, answer["content-type"], answer.body, sorted(cookies_of(answer))) for answer in answers]
        )
    assert told[1] == told[0]


def test_an_id_that_the_client_has_made_up_begins_a_session(both: Both) -> None:
    told = []
    for visitor in visitors(both):
        visitor.cookies["pysid"] = "0" * 32
        answers = [visitor.get("/h/counter/x"), visitor.get("/h/counter/x")]
        told.append([(answer.status, answer.body) for answer in answers])
    assert told[1] == told[0]


def test_cookies_come_back_as_they_were_set(both: Both) -> None:
    told = []
    for visitor in visitors(both):
        answers = [visitor.get("/h/visits/x")]
        visitor.cookies |= {"other": "a b", "quoted": '"x\\"y; z"', "empty": ""}
        answers += [visitor.get("/h/visits/x") for _ in range(2)]
        told.append([(answer.status, answer.body, cookies_of(answer), answer["cache-control"]) for answer in answers])
    assert told[1] == told[0]
    assert told[0][2][2] == {"visits": "3"}


@pytest.mark.parametrize(
    "fields",
    [
        "name=Ada&email=ada%40example.org&comment=two+words%21%0D%0Aa+line",
        "name=Ada&email=&comment=none",
        "name=Ada&email=a&comment=c&unknown=dropped",
    ],
)
def test_a_form_that_is_posted_to_the_publisher_is_one_that_is_in_the_query(both: Both, fields: str) -> None:
    """mod_python 3.5 on Python 3 loses what is posted to the publisher, and takes what is in the query."""
    real, _ = both.ask(f"/manual/form.py/email?{fields}", "GET", [], None)
    _, ours = both.ask("/manual/form.py/email", "POST", FORM, fields.encode())
    assert shown(ours) == shown(real)
