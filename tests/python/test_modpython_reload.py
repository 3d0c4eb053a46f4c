"""Modules of mod_python's targets: each path its own module, and a changed one is seen at the next request."""

from __future__ import annotations

import os
from pathlib import Path

from server import Server


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_a_changed_module_is_seen_at_the_next_request(tmp_path: Path) -> None:
    write(tmp_path / "index.py", "def index(req):\n    return 'one'\n")
    with Server(f"publisher:{tmp_path}") as server:
        assert server.request().text == "one"
        write(tmp_path / "index.py", "def index(req):\n    return 'three'\n")
        assert server.request().text == "three"
        status = (tmp_path / "index.py").stat()
        write(tmp_path / "index.py", "def index(req):\n    return 'other'\n")
        os.utime(tmp_path / "index.py", ns=(status.st_atime_ns, status.st_mtime_ns + 1))
        assert server.request().text == "other"
        # Neither its length nor the time that can be set tells.
        write(tmp_path / "index.py", "def index(req):\n    return 'after'\n")
        os.utime(tmp_path / "index.py", ns=(status.st_atime_ns, status.st_mtime_ns + 1))
        assert server.request().text == "after"


def test_so_is_one_that_another_imports_however_it_does_it(tmp_path: Path) -> None:
    write(
        tmp_path / "index.py",
        "from mod_python import apache\nimport plain\nfrom named import value as named_value\n"
        "called = apache.import_module('called')\n"
        "def index(req):\n"
        "    late = apache.import_module('late', log=1)\n"
        "    import inside\n"
        "    return ' '.join((plain.value, named_value, called.value, late.value, inside.value, plain.deep.value))\n",
    )
    for name in ("named", "called", "late", "inside", "deep"):
        write(tmp_path / f"{name}.py", "value = '1'\n")
    write(tmp_path / "plain.py", "import deep\nvalue = '1'\n")
    with Server(f"publisher:{tmp_path}") as server:
        assert server.request().text == "1 1 1 1 1 1"
        expected = ["1"] * 6
        for place, name in enumerate(("plain", "named", "called", "late", "inside", "deep")):
            text = (tmp_path / f"{name}.py").read_text()
            write(tmp_path / f"{name}.py", text.replace("'1'", f"'new {name}'"))
            expected[place] = f"new {name}"
            assert server.request().text == " ".join(expected)
        server.wait_for_log("mod_python: reimporting")


def test_two_directories_may_have_modules_of_one_name(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        write(tmp_path / folder / "index.py", "import helper\ndef index(req):\n    return helper.value\n")
        write(tmp_path / folder / "helper.py", f"value = 'helper of {folder}'\n")
    with Server(f"publisher:{tmp_path}", f"--mount=/second=publisher:{tmp_path}/b") as server:
        assert server.request(target="/a/").text == "helper of a"
        assert server.request(target="/b/").text == "helper of b"
        assert server.request(target="/second/").text == "helper of b"


def test_a_page_may_be_called_like_a_module_of_the_library(tmp_path: Path) -> None:
    write(tmp_path / "email.py", "import smtplib\ndef index(req):\n    return 'mail page %s' % bool(smtplib.SMTP)\n")
    write(tmp_path / "json.py", "def index(req):\n    import urllib.request\n    return 'json page'\n")
    with Server(f"publisher:{tmp_path}") as server:
        assert server.request(target="/email").text == "mail page True"
        assert server.request(target="/json").text == "json page"


def test_a_module_that_fails_is_tried_again(tmp_path: Path) -> None:
    write(tmp_path / "index.py", "def index(req):\n    return 'good'\n")
    with Server(f"publisher:{tmp_path}") as server:
        assert server.request().text == "good"
        write(tmp_path / "index.py", "raise RuntimeError('half written')\n")
        assert server.request().status == 500
        assert server.request().status == 500
        server.wait_until(lambda: server.log().count("RuntimeError: half written") == 2, "both are logged")
        write(tmp_path / "index.py", "def index(req):\n    return 'good again'\n")
        assert server.request().text == "good again"


def test_a_handler_is_loaded_anew_as_well(tmp_path: Path) -> None:
    write(tmp_path / "h.py", "def handler(req):\n    req.write('one')\n    return 0\n")
    with Server(f"handler:{tmp_path}/h.py") as server:
        assert server.request().text == "one"
        write(tmp_path / "h.py", "def handler(req):\n    req.write('three')\n    return 0\n")
        assert server.request().text == "three"


def test_modules_that_import_one_another_are_loaded_once(tmp_path: Path) -> None:
    write(tmp_path / "index.py", "import other\nname = 'index'\ndef index(req):\n    return other.full()\n")
    write(tmp_path / "other.py", "import index\ndef full():\n    return index.name + ' and other'\n")
    with Server(f"publisher:{tmp_path}") as server:
        assert server.request().text == "index and other"


def test_dataclasses_with_annotations_as_text_work(tmp_path: Path) -> None:
    write(
        tmp_path / "index.py",
        "from __future__ import annotations\nfrom dataclasses import dataclass\nimport typing\n"
        "@dataclass\nclass A:\n    b: typing.ClassVar[int] = 2\n    c: int = 1\n"
        "def index(req):\n    return repr(A(5)) + str(typing.get_type_hints(A)['c'])\n",
    )
    with Server(f"publisher:{tmp_path}") as server:
        assert server.request().text == "A(c=5)<class 'int'>"
