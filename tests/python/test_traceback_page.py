"""The page for an exception, made in process: chains, groups, broken values, hostile text."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from html.parser import HTMLParser

import pytest

from millau import traceback_page
from millau.guarded_repr import HIDDEN, Budget


def raised(work) -> BaseException:
    try:
        work()
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


def forms(error: BaseException) -> list[str]:
    return [traceback_page.html(error), traceback_page.text(error)]


class Checker(HTMLParser):
    """Every element that is opened is closed, in order."""

    VOID = {"meta"}

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: set[str] = set()
        self.feed(source)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.elements.add(tag)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        # These may be left out, and are not.
        assert self.open.pop() == tag


def test_a_chain_is_shown_from_the_first_cause_on():
    def work():
        try:
            try:
                raise KeyError("first")
            except KeyError:
                raise ValueError("second")  # noqa: B904
        except ValueError as error:
            raise RuntimeError("third") from error

    for page in forms(raised(work)):
        at = [page.rindex(word) for word in ("KeyError", "ValueError", "RuntimeError")]
        assert at == sorted(at)
        assert "was being handled when this happened" in page
        assert "was the direct cause of" in page


def test_a_context_that_is_suppressed_is_not_shown():
    def work():
        try:
            raise KeyError("-".join("hush"))
        except KeyError:
            raise ValueError("loud") from None

    for page in forms(raised(work)):
        assert "-".join("hush") not in page


def test_a_chain_that_leads_back_to_itself_ends():
    first, second = ValueError("one"), ValueError("two")
    first.__cause__, second.__cause__ = second, first
    for page in forms(first):
        assert "two" in page


@pytest.mark.skipif(sys.version_info < (3, 11), reason="groups came with Python 3.11")
def test_a_group_is_shown_with_its_members():
    def member(number):
        return raised(lambda: int(f"not {number}"))

    def work():
        raise ExceptionGroup("several", [member(1), ExceptionGroup("inner", [member(2)])])  # noqa: F821

    for page in forms(raised(work)):
        assert "1 of 2 in the group" in page
        assert "not 1" in page and "not 2" in page


@pytest.mark.skipif(sys.version_info < (3, 11), reason="groups came with Python 3.11")
def test_a_group_of_many_stays_a_page():
    def work():
        raise ExceptionGroup("many", [ValueError(str(number)) for number in range(10_000)])  # noqa: F821

    for page in forms(raised(work)):
        assert len(page) < 1_000_000


def test_a_deep_recursion_is_cut_in_the_middle():
    def down(depth):
        return down(depth + 1)

    error = raised(lambda: down(0))
    for page in forms(error):
        assert "frames are left out" in page
        assert len(page) < 500_000


def test_a_syntax_error_shows_its_own_line(tmp_path):
    source = tmp_path / "broken.py"
    source.write_text("good = 1\nbad = = 2\n")
    error = raised(lambda: compile(source.read_text(), str(source), "exec"))
    for page in forms(error):
        assert "broken.py" in page
        assert "bad = " in page


def test_an_exception_that_was_never_raised_has_a_page():
    for page in forms(ValueError("lonely")):
        assert "lonely" in page


def test_a_message_that_cannot_be_made_does_not_keep_the_page_away():
    class Mute(Exception):
        def __str__(self):
            raise RuntimeError("no")

    for page in forms(Mute()):
        assert "its message cannot be shown: RuntimeError" in page


def test_hostile_text_stays_text():
    attack = "</td></pre><script>alert(1)</script>\x00\x1b[2J\ud800\u202e"

    def work():
        value = attack
        raise ValueError(attack + value)

    error = raised(work)
    page = traceback_page.html(error, {attack: attack}, heading=attack)
    assert "script" not in Checker(page).elements
    for form in (page, traceback_page.text(error, {attack: attack}, heading=attack)):
        assert not {"\x00", "\x1b", "\ud800", "\u202e"} & set(form)
        form.encode()


def test_the_page_is_well_formed():
    def work():
        values = [1, "<b>", {"a": None}]
        raise ValueError(values)

    Checker(traceback_page.html(raised(work), {"A": "b"}, heading="GET /"))


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python knows the place in the line from 3.11 on")
def test_the_part_of_the_line_that_raised_is_marked():
    def work():
        table = {"café": {}}
        return table["café"]["missing"], 1

    page = traceback_page.html(raised(work))
    assert "<u>table[&quot;café&quot;][&quot;missing&quot;]</u>" in page


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "DB_PASSWD",
        "client_secret",
        "token",
        "csrfToken",
        "api_key",
        "HTTP_AUTHORIZATION",
        "HTTP_COOKIE",
        "credentials",
    ],
)
def test_secrets_are_known_by_their_names(name):
    budget = Budget()
    assert budget.shown("x", name) == HIDDEN
    assert "opensesame" not in budget.shown({name: "opensesame", "other": [{name: "opensesame"}]})


def test_secrets_in_the_repr_of_a_value_are_hidden():
    class Settings:
        def __repr__(self):
            return "Settings(user='anna', password='open sesame', api_key=b'x\\'y', token=abc)"

    shown = Budget().shown(Settings())
    assert "anna" in shown
    for secret in ("sesame", "x\\'y", "abc"):
        assert secret not in shown


def test_values_are_cut_before_they_are_made():
    class Untouchable:
        def __repr__(self):
            raise AssertionError("an item beyond the limit was asked")

    items = [0] * 1000 + [Untouchable()]
    assert "(1001 items)" in Budget().shown(items)
    assert "(1001 items)" in Budget().shown(dict(enumerate(items)))
    assert len(Budget().shown(b"x" * 10_000_000)) < 2000
    assert "bits" in Budget().shown(1 << 1_000_000)


def test_a_value_inside_itself_is_shown_once():
    endless: list = []
    endless.append(endless)
    assert Budget().shown(endless) == "[[[[[…]]]]]"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("while True: pass", "takes too long"),
        ("return repr(self)", "never ends"),
        ("return 5", "raised TypeError"),
        ("raise SystemExit", None),
    ],
)
def test_what_a_repr_does_is_contained(body, said):
    space: dict = {}
    exec(f"class Bad:\n    def __repr__(self):\n        {body}", space)
    value = space["Bad"]()
    if said is None:
        with pytest.raises(SystemExit):
            Budget().shown(value)
        return
    assert said in Budget(each=0.05).shown(value)


def test_an_except_that_catches_everything_does_not_stop_the_clock():
    class Stubborn:
        def __repr__(self):
            while True:
                try:
                    while True:
                        pass
                except Exception:
                    pass

    assert "takes too long" in Budget(each=0.05).shown(Stubborn())


def test_all_values_together_have_a_limit_too():
    class Slow:
        def __repr__(self):
            while True:
                pass

    budget = Budget(each=0.05, all=0.1)
    shown = [budget.shown(Slow()) for _ in range(10)]
    assert "the values before it took too long" in shown[-1]


def test_a_tracer_that_was_there_before_is_there_after():
    def tracer(frame, event, argument):
        return None

    def work():
        sys.settrace(tracer)
        try:
            Budget().shown([1])
            seen.append(sys.gettrace())
        finally:
            sys.settrace(None)

    seen: list = []
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [tracer]


def run_script(path, text):
    path.write_text(text)
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    return subprocess.run([sys.executable, str(path)], capture_output=True, text=True, env=environment)


def test_a_cgi_script_can_show_its_own(tmp_path):
    done = run_script(tmp_path / "script.py", "from millau.traceback_page import enable\nenable()\nvalue = 42\n1 / 0\n")
    head, _, page = done.stdout.partition("\n\n")
    assert head.startswith("Status: 500 Internal Server Error\nContent-Type: text/plain; charset=utf-8\n")
    assert "ZeroDivisionError" in page and "value = 42" in page
    assert done.stderr.startswith("Traceback")
    assert done.returncode == 1


def test_after_a_header_of_the_script_the_page_comes_without_one(tmp_path):
    script = "from millau.traceback_page import enable\nenable()\nprint('Content-Type: text/plain\\n\\nhello')\nvalue = 42\n1 / 0\n"
    done = run_script(tmp_path / "script.py", script)
    assert done.stdout.startswith("Content-Type: text/plain\n\nhello\n")
    assert "value = 42" in done.stdout and "Status:" not in done.stdout


def test_what_was_printed_and_has_not_left_gives_way_to_the_page(tmp_path):
    script = (
        "from millau.traceback_page import answer\nprint('Content-Type: text/plain\\n\\nhello')\n"
        "try:\n    1 / 0\nexcept ZeroDivisionError as error:\n    assert answer(error)\n"
    )
    done = run_script(tmp_path / "script.py", script)
    assert done.stdout.startswith("Status: 500")
    assert "\nhello" not in done.stdout


def test_what_has_left_stays_as_it_is(tmp_path):
    script = (
        "from millau.traceback_page import answer\nprint('Content-Type: text/plain\\n\\nhello', flush=True)\nprint('more')\n"
        "try:\n    1 / 0\nexcept ZeroDivisionError as error:\n    assert not answer(error)\n"
    )
    done = run_script(tmp_path / "script.py", script)
    assert (done.stdout, done.returncode) == ("Content-Type: text/plain\n\nhello\nmore\n", 0)
