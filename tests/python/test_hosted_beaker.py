"""Beaker's sessions and caches over Millau, as over wsgiref."""

from __future__ import annotations

from comparison import AnswersAsReference
from visitor import Step


class TestSessionsInFiles(AnswersAsReference):
    app = "beaker"
    target = "pages:in_files"
    masks = [(r"beaker\.session\.id=\w+", "beaker.session.id=..."), (r"expires=[^;]+ GMT", "expires=...")]
    flows = {
        "one visitor": [
            Step("GET", "/", contains="visit 1"),
            Step("GET", "/", contains="visit 2"),
            Step("GET", "/leave", contains="left"),
            Step("GET", "/", contains="visit 1"),
        ],
        "another visitor": [
            Step("GET", "/", contains="visit 1"),
            Step("POST", "/", body=b"unread", contains="visit 2"),
        ],
        "cache": [
            Step("GET", "/cached", contains="made 1"),
            Step("GET", "/cached", contains="made 1"),
        ],
    }


class TestSessionsInCookies(AnswersAsReference):
    app = "beaker"
    target = "pages:in_cookies"
    masks = [(r"beaker\.session\.id=[^;]+", "beaker.session.id=..."), (r"expires=[^;]+ GMT", "expires=...")]
    flows = {
        "one visitor": [
            Step("GET", "/", contains="visit 1"),
            Step("GET", "/", contains="visit 2"),
            Step("GET", "/", contains="visit 3"),
        ],
    }
