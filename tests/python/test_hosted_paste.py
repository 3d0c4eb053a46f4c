"""Paste's applications, filters and CGI bridge, composed in an ini file, over Millau, as over wsgiref."""

from __future__ import annotations

import base64
import sys
from pathlib import Path

from comparison import AnswersAsReference
from visitor import FORM, MULTIPART, Step, bytes_of, multipart


def basic(user: str, password: str) -> tuple[str, str]:
    return "Authorization", "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


class TestPaste(AnswersAsReference):
    app = "paste"
    target = "paste:site.ini"
    masks = [
        (r"_SID_=[\w-]+", "_SID_=..."),
        (r"expires=[^;]+ GMT", "expires=..."),
    ]
    own_complaints = True  # the error catcher

    @classmethod
    def prepare(cls, directory: Path) -> None:
        (directory / "sessions").mkdir()
        (directory / "static" / "large.bin").write_bytes(bytes_of(1_000_000))
        for script in (directory / "cgi-bin").iterdir():
            script.write_text(f"#!{sys.executable}\n{script.read_text()}")
            script.chmod(0o755)

    flows = {
        "urlmap": [
            Step("GET", "/show/a%20b?x=1", contains="SCRIPT_NAME=/show\nPATH_INFO=/a b\n"),
            Step("GET", "/show/deeper/c", contains="SCRIPT_NAME=/show/deeper\nPATH_INFO=/c\n"),
            Step("GET", "/show", contains="SCRIPT_NAME=/show\nPATH_INFO=\n"),
            Step("GET", "/style.css", contains="teal"),
            Step("GET", "/other", contains="SCRIPT_NAME=\nPATH_INFO=/other\n"),
            Step("GET", "/linted/x", contains="SCRIPT_NAME=/linted\n"),
            Step("HEAD", "/linted/x"),
            Step("POST", "/linted/x", body=b"unread", contains="SCRIPT_NAME=/linted\n"),
        ],
        "static": [
            Step("GET", "/static/style.css", contains="teal"),
            Step("HEAD", "/static/style.css"),
            Step(
                "GET",
                "/static/style.css",
                304,
                fields=lambda visitor: [("If-Modified-Since", visitor.last["Last-Modified"])],
            ),
            Step("GET", "/static/large.bin", contains="000000000062499\n"),
            Step("GET", "/static/large.bin", 206, "000000000000001\n", fields=[("Range", "bytes=10-99")], closes=True),
            Step("GET", "/static/", 404),
            Step("GET", "/static/../pages.py", 404),
            Step("POST", "/static/style.css", 405, body=b"x"),
        ],
        "filters": [
            Step("GET", "/zipped", contains="a long line\n"),
            Step(
                "GET",
                "/zipped",
                contains="a long line\n",
                fields=[("Accept-Encoding", "gzip")],
                volatile=["content-length"],
            ),
            Step("GET", "/session", contains="visit 1"),
            Step("GET", "/session", contains="visit 2"),
            Step("GET", "/private", 401),
            Step("GET", "/private", 401, fields=[basic("admin", "wrong")]),
            Step(
                "GET", "/private/x", contains="REMOTE_USER=admin\nAUTH_TYPE=basic\n", fields=[basic("admin", "sesame")]
            ),
            Step("GET", "/documents/none", 404, "teal"),
        ],
        "forms": [
            Step("GET", "/form?a=1&b=%C3%A9", contains="b=\xc3\xa9\n"),
            Step("POST", "/form?a=1", fields=[FORM], body=b"b=2&b=3", contains="b=2\nb=3\n"),
            Step("POST", "/form", fields=[MULTIPART], body=multipart(a="1", b="zwei"), contains="b=zwei\n"),
        ],
        "failures": [
            Step("GET", "/write", contains="written, written again, and returned"),
            Step("HEAD", "/write"),
            Step("GET", "/write", contains="written, written again, and returned", version="1.0"),
            Step("GET", "/http/forbidden", 403, "not for you"),
            Step("GET", "/http/found", 302),
            Step("GET", "/http/fails", 500, engine_answers=True),
            Step("GET", "/caught/fails", 500),
            Step("GET", "/write", contains="and returned", name="after failures"),
        ],
        "CGI bridge": [
            Step("GET", "/cgi/show/a%20b?x=1%26", contains="PATH_INFO=/a b\nQUERY_STRING=x=1%26\n"),
            Step("HEAD", "/cgi/show"),
            Step("GET", "/cgi/show", fields=[("X-Asked", "for this")], contains="HTTP_X_ASKED=for this\n"),
            Step("POST", "/cgi/show", body=bytes_of(100_000), contains="100000 bytes, the last b'000000000006249\\n'"),
            Step("POST", "/cgi/show", body=bytes_of(100_000), chunks=3000, contains="100000 bytes, the last b'00"),
            Step("GET", "/cgi/status", 404, "line 999\n"),
            Step("GET", "/cgi/status", 404, "line 999\n", version="1.0"),
        ],
    }


class TestEvalException(AnswersAsReference):
    """Paste's interactive debugger refuses to work where `wsgi.multiprocess` is true."""

    app = "paste"
    target = "paste:debugger.ini"
    arguments = ("--workers", "1")
    masks = [
        (r'(?s)<tr class="header"><th colspan="2">(?:CGI|WSGI) Variables.*?</table>', "..."),
        (r"(?s)CGI Variables\n-----.*", "..."),
        (r"\b\d{9,}\b", "..."),
        (r"0x[0-9a-f]+", "0x..."),
    ]
    own_complaints = True
    flows = {"debugger": [Step("GET", "/x", 500, "after start_response")]}
