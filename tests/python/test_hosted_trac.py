"""A Trac project over Millau, as over wsgiref: `write()`, `exc_info`, `wsgi.run_once`, status lines in its own case."""

from __future__ import annotations

import base64
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlencode

from comparison import AnswersAsReference
from visitor import FORM, MULTIPART, Step, bytes_of, multipart

ADMIN = ("Authorization", "Basic " + base64.b64encode(b"admin:sesame").decode())

TOKEN = r'name="__FORM_TOKEN" value="(\w+)"'


class TestTrac(AnswersAsReference):
    app = "trac"
    target = "tracker:application"
    masks = [
        (r"(trac_(?:form_token|session|auth)=)\w+", r"\1..."),
        (r"\b[0-9a-f]{24}\b", "(token)"),
        (r"expires=[^;]+ GMT", "expires=..."),
        # Times, ages and the numbers made of them.
        (r"\b\w{3} \d\d?, \d{4},? \d\d?:\d\d(:\d\d)? ?(AM|PM)?", "(time)"),
        (r"\d{4}-\d\d-\d\dT\d\d[:%3A0-9.+-]+Z?", "(time)"),
        (r"\b\d+ (second|minute)s?\b( ago)?", "(age)"),
        (r"\b\d{16}\b", "(time)"),
    ]
    volatile_fields = {"etag", "last-modified"}
    own_complaints = True

    @classmethod
    def prepare(cls, directory: Path) -> None:
        for command in (["initenv", "test", "sqlite:db/trac.db"], ["permission", "add", "admin", "TRAC_ADMIN"]):
            ran = subprocess.run(
                [sys.executable, "-m", "trac.admin.console", "project", *command],
                cwd=directory,
                capture_output=True,
                text=True,
            )
            assert ran.returncode == 0, ran.stdout + ran.stderr

    flows = {
        "anonymous": [
            Step("GET", "/", contains="Welcome to Trac"),
            Step("HEAD", "/"),
            Step("GET", "/wiki/TracGuide", contains="TracGuide"),
            Step("GET", "/wiki/WikiStart?format=txt", contains="= Welcome to Trac"),
            Step("GET", "/wiki/NoSuchPage", 404),
            Step("GET", "/none", 404, "No handler matched request to /none"),
            Step("GET", "/about", 200),
            Step("GET", "/report", contains="Active Tickets"),
            Step("GET", "/timeline?format=rss"),
            Step("GET", "/search?q=wiki", contains="wiki"),
            Step("GET", "/chrome/common/css/trac.css", contains="body"),
            Step("HEAD", "/chrome/common/css/trac.css"),
            Step("GET", "/chrome/common/none.css", 404),
            Step("GET", "/", version="1.0", contains="Welcome to Trac"),
        ],
        "logged in": [
            Step("GET", "/login", 302, fields=[ADMIN]),
            Step("GET", "/newticket", fields=[ADMIN], contains="Create New Ticket"),
            Step(
                "POST",
                "/newticket",
                303,
                fields=[ADMIN, FORM],
                body=lambda visitor: urlencode(
                    {
                        "__FORM_TOKEN": visitor.find(TOKEN),
                        "field_summary": "A ticket: ü",
                        "field_description": "described",
                        "submit": "Create ticket",
                        "field_type": "defect",
                        "field_status": "new",
                    }
                ).encode(),
            ),
            Step("GET", "/ticket/1", fields=[ADMIN], contains="A ticket: \xc3\xbc"),
            Step("GET", "/ticket/1?format=csv", fields=[ADMIN], contains="described"),
            Step("GET", "/attachment/ticket/1/?action=new", fields=[ADMIN], contains="__FORM_TOKEN"),
            Step(
                "POST",
                "/attachment/ticket/1/",
                303,
                fields=[ADMIN, MULTIPART],
                body=lambda visitor: multipart(
                    __FORM_TOKEN=visitor.find(TOKEN),
                    attachment=("a.bin", "application/octet-stream", bytes_of(200_000)),
                    description="",
                    action="new",
                    realm="ticket",
                    id="1",
                ),
            ),
            Step("GET", "/raw-attachment/ticket/1/a.bin", fields=[ADMIN], contains="000000000012499\n"),
            Step("POST", "/newticket", 400, fields=[ADMIN, FORM], body=b"field_summary=forged"),
            Step("GET", "/admin", fields=[ADMIN], contains="Administration"),
        ],
    }
