"""Uncaught exceptions: a page for developers with --debug, and nothing of the inside without."""

from __future__ import annotations

from html.parser import HTMLParser
from urllib.parse import quote

import pytest
from client import BrokenResponse
from server import APPS, Server


@pytest.fixture(scope="module")
def debugging():
    with Server("debugged", "--debug", cwd=APPS) as server:
        yield server


@pytest.fixture(scope="module")
def plain():
    with Server("debugged", cwd=APPS) as server:
        yield server


class Page(HTMLParser):
    """The text of a page, and its elements."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.text = ""
        self.elements: list[str] = []
        self.attributes: list[str] = []
        self.feed(source)

    def handle_starttag(self, tag, attributes):
        self.elements.append(tag)
        self.attributes += [name for name, _ in attributes]

    def handle_data(self, data):
        self.text += data


BROWSER = [("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")]


def page_of(response) -> Page:
    assert response.status == 500
    assert response["Content-Type"].replace(" ", "").lower() == "text/html;charset=utf-8"
    return Page(response.body.decode())


def test_the_page_shows_the_traceback(debugging):
    page = page_of(debugging.get("/script", BROWSER))
    assert "ValueError" in page.text
    assert "debugged.py" in page.text
    assert "raise ValueError(" in page.text


def test_the_page_shows_causes(debugging):
    page = page_of(debugging.get("/chained", BROWSER))
    assert "the cause" in page.text
    assert "the effect" in page.text


def test_what_the_exception_holds_stays_text(debugging):
    response = debugging.get("/script", BROWSER)
    page = page_of(response)
    assert "<script>alert('message')</script> & \" '" in page.text
    assert b"<script>alert" not in response.body
    assert not {"script", "iframe", "img", "object"} & set(page.elements)
    assert not [a for a in page.attributes if a.startswith("on")]


def test_what_the_client_sends_stays_text(debugging):
    attack = "<img src=x onerror=alert(1)>"
    fields = [*BROWSER, ("X-Attack", attack), ("User-Agent", attack), ("Cookie", f"a={attack}")]
    response = debugging.get("/script/" + quote(attack) + "?" + quote(attack), fields)
    page = page_of(response)
    assert "img" not in page.elements
    assert b"<img" not in response.body


def test_the_page_shows_the_values_of_each_frame_and_the_lines_around(debugging):
    page = page_of(debugging.get("/values", BROWSER))
    assert "{'title': 'Dune', 'copies': 3}" in page.text
    assert 'reason = "in the inner function"' in page.text
    assert "# a line before" in page.text and "# a line after" in page.text
    assert "REQUEST_METHOD'GET'" in page.text


def test_what_is_secret_by_its_name_is_not_shown(debugging):
    fields = [*BROWSER, ("Cookie", "session=c00kie"), ("Authorization", "Basic YmFzaWM=")]
    for accept in (fields, fields[1:]):
        body = debugging.get("/values", accept).body
        for secret in (b"c00kie", b"YmFzaWM=", b"hunter2", b"t0ken", b"sesame"):
            assert secret not in body
        assert b"(hidden: its name says that it is secret)" in body


def test_a_value_that_cannot_be_shown_does_not_keep_the_page_away(debugging):
    page = page_of(debugging.get("/awkward", BROWSER))
    assert "not shown: its repr() raised RuntimeError" in page.text
    assert "not shown: its repr() takes too long" in page.text
    assert "(1000000 characters)" in page.text
    assert len(page.text) < 100_000


def test_the_page_loads_and_runs_nothing(debugging):
    response = debugging.get("/script", BROWSER)
    assert response["Content-Security-Policy"].startswith("default-src 'none'")
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Cache-Control"] == "no-store"
    assert not {"src", "href"} & set(page_of(response).attributes)


@pytest.mark.parametrize("accept", [[], [("Accept", "*/*")], [("Accept", "application/json")]])
def test_who_is_no_browser_gets_text(debugging, accept):
    response = debugging.get("/values", accept)
    assert (response.status, response["Content-Type"]) == (500, "text/plain; charset=utf-8")
    text = response.body.decode()
    assert text.startswith("GET /values\n")
    assert "ValueError: no such book" in text
    assert "book = {'title': 'Dune', 'copies': 3}" in text
    assert "REQUEST_METHOD = 'GET'" in text


def test_the_page_replaces_what_was_begun(debugging):
    response = debugging.get("/after_start", BROWSER)
    page = page_of(response)
    assert "after start_response" in page.text
    assert "X-Before" not in response


def test_any_text_can_be_shown(debugging):
    assert "café ☃" in page_of(debugging.get("/unicode", BROWSER)).text


def test_head_has_no_page(debugging):
    with debugging.client() as client:
        assert client.request("HEAD", "/script").status == 500
        response = client.request("GET", "/own_page")
        assert (response.reason, response.body) == ("Mine", b"my own page")


def test_in_mid_stream_there_is_no_page(debugging):
    """It would look like a part of the content; a broken response is honest."""
    with pytest.raises(BrokenResponse) as broken:
        debugging.get("/mid_stream")
    assert broken.value.partial.body == b"a beginning"


def test_the_log_has_the_traceback_as_well(debugging):
    debugging.get("/chained")
    debugging.wait_for_log("the effect")


@pytest.mark.parametrize("case", ["script", "chained", "after_start", "unicode"])
def test_without_the_option_nothing_is_told(plain, case):
    before = len(plain.log())
    response = plain.get(f"/{case}")
    assert response.status == 500
    assert response["Content-Type"].startswith("text/plain")
    for inside in (b"Traceback", b"debugged", b"Error:", b"alert", b".py", b"start_response", b"cause"):
        assert inside not in response.body
    assert len(response.body) < 200
    plain.wait_until(lambda: "debugged.py" in plain.log()[before:], "the log has the traceback")
