"""Handlers for mod_python that nobody here wrote: those of Trac, CherryPy and Paste, unmodified, from their packages."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlencode

import pytest
from server import Server


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trac") / "project"
    for command in (["initenv", "test", "sqlite:db/trac.db"], ["permission", "add", "anonymous", "TICKET_CREATE"]):
        ran = subprocess.run(
            [sys.executable, "-m", "trac.admin.console", str(folder), *command], capture_output=True, text=True
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
    return folder


def test_trac(project: Path) -> None:
    options = [f"--python-option=TracEnv={project}", "--python-option=TracUriRoot=/"]
    with Server("handler:trac.web.modpython_frontend", *options) as server:
        for target, status, text in (
            ("/", 200, "Welcome to Trac"),
            ("/wiki/TracGuide", 200, "TracGuide"),
            ("/wiki/WikiStart?format=txt", 200, "= Welcome to Trac"),
            ("/none", 404, "No handler matched request to /none"),
            ("/search?q=wiki", 200, "wiki"),
            ("/chrome/common/css/trac.css", 200, "body"),
            ("/about", 200, "About Trac"),
        ):
            response = server.request(target=target)
            assert (target, response.status) == (target, status)
            assert text in response.text
        sheet = server.request(target="/chrome/common/css/trac.css")
        assert "text/css" in sheet["Content-Type"]
        modified = sheet["Last-Modified"]
        assert (
            server.request(target="/chrome/common/css/trac.css", fields=[("If-Modified-Since", modified)]).status == 304
        )
        # A form: its token comes with a cookie, and the answer is a redirect to the new ticket.
        page = server.request(target="/newticket")
        token = re.search(r'name="__FORM_TOKEN" value="(\w+)"', page.text)[1]
        cookie = "; ".join(value.partition(";")[0] for value in page.all("Set-Cookie"))
        form = {"__FORM_TOKEN": token, "field_summary": "ä ticket", "field_description": "d", "submit": "Create ticket"}
        fields = [("Cookie", cookie), ("Content-Type", "application/x-www-form-urlencoded")]
        created = server.request("POST", "/newticket", fields, urlencode(form).encode())
        assert created.status in (302, 303)
        assert created["Location"].endswith("/ticket/1")
        assert "ä ticket" in server.request(target="/ticket/1", fields=[("Cookie", cookie)]).text


CHERRYPY = """
import cherrypy

class Root:
    @cherrypy.expose
    def index(self):
        return "front page"

    @cherrypy.expose
    def echo(self, word="none", upload=None):
        return "%s %s" % (word, upload.file.read().decode() if upload else "-")

    @cherrypy.expose
    def who(self):
        return "login %s, scheme %s" % (cherrypy.request.login, cherrypy.request.scheme)

    @cherrypy.expose
    def moved(self):
        raise cherrypy.HTTPRedirect("/echo?word=moved")

    @cherrypy.expose
    def stream(self):
        return (b"x" * 1000 for _ in range(100))
    stream._cp_config = {"response.stream": True}

def setup():
    cherrypy.config.update({"environment": "production"})
    cherrypy.tree.mount(Root(), "")
"""


def test_cherrypy(tmp_path: Path) -> None:
    (tmp_path / "site1.py").write_text(CHERRYPY)
    with Server("handler:cherrypy._cpmodpy", "--python-option=cherrypy.setup=site1::setup", cwd=tmp_path) as server:
        assert server.request().text == "front page"
        assert server.request(target="/echo?word=two%20words").text == "two words -"
        form = [("Content-Type", "application/x-www-form-urlencoded")]
        assert server.request("POST", "/echo", form, b"word=posted").text == "posted -"
        body = (
            b'--b\r\nContent-Disposition: form-data; name="word"\r\n\r\nw\r\n'
            b'--b\r\nContent-Disposition: form-data; name="upload"; filename="f"\r\n\r\ncontents\r\n--b--\r\n'
        )
        assert (
            server.request("POST", "/echo", [("Content-Type", "multipart/form-data; boundary=b")], body).text
            == "w contents"
        )
        credentials = base64.b64encode(b"user:word").decode()
        who = server.request(target="/who", fields=[("Authorization", f"Basic {credentials}")])
        assert who.text == "login user, scheme http"
        moved = server.request(target="/moved")
        assert moved.status in (302, 303)
        assert moved["Location"].endswith("/echo?word=moved")
        assert server.request(target="/none").status == 404
        assert server.request(target="/stream").body == b"x" * 100_000


PASTE = """
def application(environ, start_response):
    write = start_response("201 Made", [("Content-Type", "text/plain"), ("X-One", "1"), ("X-One", "2")])
    size = int(environ.get("CONTENT_LENGTH") or 0)
    write(("%s %s?%s " % (environ["REQUEST_METHOD"], environ["PATH_INFO"], environ["QUERY_STRING"])).encode())
    return [environ["wsgi.input"].read(size), b" ", environ.get("HTTP_X_FIELD", "-").encode()]

def started(req):
    req.log_error("the startup function was called")
"""


def test_paste(tmp_path: Path) -> None:
    (tmp_path / "site2.py").write_text(PASTE)
    options = ["--python-option=wsgi.application=site2::application", "--python-option=wsgi.startup=site2::started"]
    with Server("handler:paste.modpython", *options, cwd=tmp_path) as server:
        response = server.request("POST", "/a%20b?c=d", [("X-Field", "f")], b"body")
        assert (response.status, response.text) == (201, "POST /a b?c=d body f")
        assert response.all("X-One") == ["1", "2"]
        server.wait_for_log("the startup function was called")
