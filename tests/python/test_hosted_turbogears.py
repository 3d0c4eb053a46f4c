"""TurboGears2 over Millau, as over wsgiref: a minimal application, and the full site that gearbox makes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from comparison import AnswersAsReference
from visitor import FORM, MULTIPART, Step, bytes_of, multipart


class TestMinimal(AnswersAsReference):
    app = "turbogears"
    target = "pages:application"
    flows = {
        "pages": [
            Step("GET", "/?a=1&b=%C3%A9", contains='"environ is a dict": true'),
            Step("HEAD", "/"),
            Step("GET", "/letters/to/you%20all?x=1", contains='"rest": ["to", "you all"]'),
            Step("GET", "/plain", contains="plain text, \xc3\xbc"),
            Step("GET", "/moved", 302),
            Step("GET", "/missing", 404),
            Step("GET", "/none", 404),
            Step("GET", "/cookie", 202, "a cookie"),
            Step("GET", "/pieces", contains="piece 1\npiece 3\n"),
            Step("GET", "/pieces", contains="piece 1\npiece 3\n", version="1.0"),
            Step("HEAD", "/pieces"),
            Step("GET", "/fails", 500, engine_answers=True),
            Step("GET", "/plain", contains="plain text", name="after a failure"),
        ],
        "bodies": [
            Step("POST", "/", fields=[FORM], body=b"a=1&b=%C3%A9", contains='"a": "1"'),
            Step(
                "POST",
                "/upload",
                fields=[MULTIPART],
                body=multipart(note="ä", file=("f.bin", "image/png", bytes_of(2_000_000))),
                contains='"name": "f.bin"',
            ),
            Step("PUT", "/echo", body=bytes_of(200_000), contains="000000000000001\n"),
            Step("PUT", "/echo", body=bytes_of(200_000), chunks=3000, contains="000000000000001\n"),
            Step("GET", "/echo"),
        ],
    }


class TestQuickstart(AnswersAsReference):
    """`gearbox quickstart` with SQLAlchemy and authentication (repoze.who), set up, and loaded from its ini file."""

    target = "paste:development.ini"
    masks = [
        (r"(authtkt|wikiq)=[^;]+", r"\1=..."),
        (r"(WELCOME|webflash)=[^;]+", r"\1=..."),
        (r"expires=[^;]+ GMT", "expires=..."),
    ]
    own_complaints = True  # development.ini logs to standard error

    @classmethod
    def prepare(cls, directory: Path) -> None:
        def run(*arguments: str, cwd: Path = directory) -> None:
            ran = subprocess.run([sys.executable, *arguments], cwd=cwd, capture_output=True, text=True)
            assert ran.returncode == 0, ran.stderr + ran.stdout

        gearbox = ("-c", "from gearbox.main import main; raise SystemExit(main())")
        run(*gearbox, "quickstart", "-a", "-s", "wikiq", cwd=directory.parent)
        directory.rmdir()
        (directory.parent / "wikiq").rename(directory)
        # Its entry points are found without an installation, as the folder is on sys.path.
        run("-c", "from setuptools import setup; setup()", "--quiet", "egg_info")
        run(*gearbox, "setup-app")
        settings = directory / "development.ini"
        settings.write_text(settings.read_text().replace("debug = true", "debug = false"))

    flows = {
        "pages": [
            Step("GET", "/", 302),
            Step("GET", "/demo/", contains="</html>"),
            Step("HEAD", "/demo/"),
            Step("GET", "/css/style.css"),
            Step("HEAD", "/css/style.css"),
            Step("GET", "/img/turbogears_logo.png", contains="PNG"),
            Step("GET", "/favicon.ico"),
            Step("GET", "/none", 404),
            Step("GET", "/demo/protected", 302),
        ],
        "todos": [
            Step("GET", "/demo/todos", contains="<form"),
            Step("POST", "/demo/add", fields=[FORM], body=b"title=b%C3%BCgeln", contains="b\xc3\xbcgeln"),
            Step("GET", "/demo/todos", contains="b\xc3\xbcgeln"),
        ],
        "login": [
            Step("GET", "/login", contains="password"),
            Step("POST", "/login_handler?came_from=/", 302, fields=[FORM], body=b"login=manager&password=wrong"),
            Step(
                "POST",
                "/login_handler?came_from=/demo/",
                302,
                fields=[FORM],
                body=b"login=manager&password=managepass",
            ),
            Step("GET", "/post_login?came_from=/demo/", 302),
            Step("GET", "/demo/protected", contains="</html>"),
            Step("GET", "/logout_handler", 302),
            Step("GET", "/demo/protected", 302),
        ],
    }
