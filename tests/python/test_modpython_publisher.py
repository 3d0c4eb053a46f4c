"""publisher:PATH: what a URL leads to, by the manual of mod_python; its own examples stand in tests/apps_modpython/manual."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from server import Response, Server, run_millau

SITES = Path(__file__).resolve().parents[1] / "apps_modpython"
MANUAL = SITES / "manual"
FORM = [("Content-Type", "application/x-www-form-urlencoded")]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(f"publisher:{MANUAL}", f"--mount=/one=publisher:{MANUAL / 'hello.py'}") as server:
        yield server


def basic(user: str, password: str) -> list[tuple[str, str]]:
    return [("Authorization", "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode())]


def shown(response: Response) -> tuple[int, str]:
    return response.status, response.text


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ("/", "We are in index()"),
        ("/index/", "We are in index()"),
        ("/index/index", "We are in index()"),
        ("/index/hello", "We are in hello()"),
        ("/hello.py/say", "I am saying NOTHING"),
        ("/hello.py/say?what=hello", "I am saying hello"),
        ("/hello/say?what=two+words%21", "I am saying two words!"),
        ("/hello/say?what=a&what=b", "I am saying ['a', 'b']"),
        ("/hello/say?req=x&unknown=y", "I am saying NOTHING"),
        ("/one/say?what=one", "I am saying one"),
        ("/folder/", "folder index"),
        ("/folder/other", "folder other"),
        ("/objects/text", "a text"),
        ("/objects/number", "5"),
        ("/objects/page/child/method?value=x", "two says x"),
        ("/objects.py/page.child.name", "two"),
        ("/objects/called?value=x", "called with x"),
        ("/objects/everything?a=1&b=2&a=3", "a=['1', '3'] b=2"),
        ("/objects/umlaut", "ä€"),
    ],
)
def test_a_url_names_a_module_and_an_object_in_it(server: Server, target: str, text: str) -> None:
    assert shown(server.request(target=target)) == (200, text)


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/spam", 404),
        ("/hello", 404),
        ("/objects/missing", 404),
        ("/objects/page/missing", 404),
        ("/form.html", 404),
        ("/one/other", 404),
        ("/one", 404),
        ("/objects/_hidden", 403),
        ("/objects/__class__", 403),
        ("/objects/page/_private", 403),
        ("/objects/page.__class__", 403),
        ("/objects/page.__dict__.clear", 403),
        ("/_deletion/delete", 403),
        ("/_deletion.py/delete", 403),
        ("/_lib/inner/delete", 403),
        ("/_lib/", 403),
        ("/__init__", 403),
        ("/__init__/application", 403),
        ("/folder/_there/x", 403),
        ("/objects/page/method/__globals__", 403),
        ("/objects/page/method/im_func", 403),
        ("/objects/function/__code__", 403),
        ("/objects/os", 403),
        ("/objects/os/system", 403),
        ("/objects/Page", 403),
        ("/objects/Page/title", 403),
        ("/objects/length", 403),
        ("/objects/text/upper", 403),
        ("/objects/mapping/keys", 403),
        ("/hello.py/../../hello.py", 404),
        ("/..%2f..%2findex", 404),
        ("/hello%00/say", 404),
        ("/objects/.hidden", 404),
        ("/.hidden/x", 404),
        ("/objects/page/..", 404),
    ],
)
def test_what_is_not_published_is_not_reached(server: Server, target: str, status: int) -> None:
    assert server.request(target=target).status == status


def test_a_directory_is_asked_for_with_a_slash(server: Server) -> None:
    response = server.request(target="/folder?a=b")
    assert (response.status, response["Location"]) == (301, "/folder/?a=b")


@pytest.mark.parametrize(
    ("target", "content_type"),
    [
        ("/objects/text", "text/plain"),
        ("/objects/html_text", "text/html"),
        ("/objects/umlaut", "text/plain; charset=utf-8"),
        ("/objects/plain_html", "text/plain"),
    ],
)
def test_the_content_type_is_guessed_unless_it_was_set(server: Server, target: str, content_type: str) -> None:
    assert server.request(target=target)["Content-Type"] == content_type


@pytest.mark.parametrize("module", ["members", "listed"])
def test_auth_and_access_of_a_module(server: Server, module: str) -> None:
    response = server.request(target=f"/{module}/hello")
    assert (response.status, response["WWW-Authenticate"]) == (401, 'Basic realm="Members only"')
    assert shown(server.request(target=f"/{module}/hello", fields=basic("eggs", "spam"))) == (200, "hello")
    assert server.request(target=f"/{module}/hello", fields=basic("joe", "eoj")).status == 403
    assert server.request(target=f"/{module}/hello", fields=basic("eggs", "eoj")).status == 401
    assert server.request(target=f"/{module}/hello", fields=basic("nobody", "")).status == 401
    assert server.request(target=f"/{module}/hello", fields=[("Authorization", "Basic ===")]).status == 400


def test_auth_inside_of_a_function(server: Server) -> None:
    assert server.request(target="/secret/sensitive").status == 401
    assert server.request(target="/secret/sensitive", fields=basic("spam", "x")).status == 401
    assert server.request(target="/secret/sensitive", fields=basic("spam", "eggs")).text == "sensitive information"
    assert server.request(target="/secret/closed", fields=basic("spam", "eggs")).status == 401
    assert server.request(target="/secret/limited")["WWW-Authenticate"] == 'Basic realm="inner realm"'
    assert server.request(target="/secret/limited", fields=basic("spam", "eggs")).text == "limited"
    assert server.request(target="/secret/limited", fields=basic("other", "eggs")).status == 403


def test_an_auth_that_cannot_be_read_lets_nobody_in(tmp_path: Path) -> None:
    (tmp_path / "index.py").write_text(
        "allowed = True\ndef page(req):\n    __auth__ = allowed\n    return 'secret'\n"
        "def outer(yes):\n    def page(req):\n        def __auth__(req, user, password):\n            return yes\n        return 'secret'\n    return page\n"
        "made = outer(True)\n"
    )
    with Server(f"publisher:{tmp_path}") as server:
        for target in ("/page", "/made"):
            response = server.request(target=target, fields=basic("a", "b"))
            assert response.status == 500
            assert b"secret" not in response.body


def test_the_form_of_the_tutorial(server: Server) -> None:
    response = server.request(
        "POST", "/form.py/email", FORM, "name=Änne&email=a%40example.test&comment=good+work".encode()
    )
    assert response.status == 200
    assert response["Content-Type"] == "text/html; charset=utf-8"
    assert "Dear Änne,<br>" in response.text
    missing = server.request("POST", "/form.py/email", FORM, b"name=A&email=&comment=c")
    assert missing.text == "A required parameter is missing, please go back and correct the error"


def test_a_field_that_is_missing_is_an_error_of_the_call(server: Server) -> None:
    assert server.request("POST", "/form.py/email", FORM, b"name=A").status == 500
    server.wait_for_log("missing 2 required positional arguments: 'email' and 'comment'")


def test_a_file_is_a_field_object(server: Server) -> None:
    body = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="\xc3\xa4.txt"\r\n\r\n'
        + b"x" * 100_000
        + b"\r\n--b--\r\n"
    )
    fields = [("Content-Type", "multipart/form-data; boundary=b")]
    assert server.request("POST", "/objects/uploaded", fields, body).text == "ä.txt 100000"
    assert server.request("POST", "/objects/uploaded", fields, body[:-10]).status == 400
    assert server.request("POST", "/objects/uploaded", [("Content-Type", "multipart/form-data")], body).status == 400


def test_only_some_methods_are_answered(server: Server) -> None:
    response = server.request("PUT", "/hello/say", body=b"x")
    assert (response.status, response["Allow"]) == (405, "GET, POST, HEAD")
    head = server.request("HEAD", "/hello/say?what=head")
    assert (head.status, head["Content-Length"], head.body) == (200, "16", b"")


def test_redirects_and_statuses(server: Server) -> None:
    moved = server.request(target="/objects/moved")
    assert (moved.status, moved["Location"]) == (302, "/elsewhere?a=1&b=2")
    assert 'href="/elsewhere?a=1&amp;b=2"' in moved.text
    assert server.request(target="/objects/moved_for_good").status == 301
    assert server.request(target="/objects/refused").status == 403
    location = server.request(target="/objects/location")
    assert (location.status, location["Location"], "X-Lost" in location, location["X-Kept"]) == (
        302,
        "/there",
        False,
        "1",
    )


def test_the_user_is_in_the_access_log() -> None:
    with Server(f"publisher:{MANUAL}", "--access-log", "-") as server:
        server.request(target="/members/hello", fields=basic("eggs", "spam"))
        server.wait_for_out(" - eggs [")


def test_nothing_hidden_and_nothing_outside_of_the_directory_is_reached(tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (tmp_path / "outside.py").write_text("def index(req):\n    return 'outside'\n")
    (site / "inside.py").write_text("def index(req):\n    return 'inside'\n")
    (site / "link.py").symlink_to("../outside.py")
    (site / "folder").symlink_to("..")
    (site / "alias.py").symlink_to("inside.py")
    (site / ".hidden").mkdir()
    (site / ".hidden" / "page.py").write_text("def index(req):\n    return 'hidden'\n")
    (site / ".page.py").write_text("def index(req):\n    return 'hidden'\n")
    with Server(f"publisher:{site}") as server:
        assert server.request(target="/link").status == 404
        assert server.request(target="/link.py").status == 404
        assert server.request(target="/folder/outside").status == 404
        for target in ("/../outside", "/%2e%2e/outside", "/.hidden/page", "/.page", "/.page.py"):
            assert server.request(target=target).status == 404
        assert server.request(target="/alias").text == "inside"


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("publisher:surely-not-there", "there is no directory 'surely-not-there'"),
        ("publisher:surely-not-there.py", "there is no file 'surely-not-there.py'"),
        ("psp:surely-not-there", "there is no directory 'surely-not-there'"),
        ("handler:surely/not.py", "there is no file 'surely/not.py'"),
        ("handler:surely_not_there", "No module named 'surely_not_there'"),
        (f"handler:{MANUAL / 'hello.py'}", "the module has no 'handler'"),
    ],
)
def test_a_target_that_is_not_there_is_named_at_the_start(target: str, message: str) -> None:
    result = run_millau("serve", target, "--bind", "http://127.0.0.1:0")
    assert result.returncode == 3
    assert f"cannot load '{target}'" in result.stderr
    assert message in result.stderr


def test_an_exception_is_shown_to_developers_only() -> None:
    browser = [("Accept", "text/html,*/*;q=0.8")]
    with Server(f"publisher:{MANUAL}", "--debug") as debugging:
        page = debugging.request(target="/objects/fails", fields=browser)
        assert (page.status, page["Content-Type"]) == (500, "text/html; charset=utf-8")
        assert "ZeroDivisionError" in page.text and "objects.py" in page.text
    with Server(f"publisher:{MANUAL}") as public:
        bare = public.request(target="/objects/fails", fields=browser)
        assert bare.status == 500
        assert "ZeroDivisionError" not in bare.text and "objects" not in bare.text and "Traceback" not in bare.text
        public.wait_for_log("ZeroDivisionError")
