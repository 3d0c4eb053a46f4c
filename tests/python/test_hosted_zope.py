"""A Zope instance, loaded through its ini pipeline, over Millau, as over wsgiref."""

from __future__ import annotations

import base64
import subprocess
import sys
from pathlib import Path

from comparison import AnswersManyAtOnce
from visitor import FORM, MULTIPART, Step, bytes_of, multipart

MANAGER = ("Authorization", "Basic " + base64.b64encode(b"admin:sesame").decode())
STRANGER = ("Authorization", "Basic " + base64.b64encode(b"admin:wrong").decode())

UNTYPED = "Zope gives no Content-Type here, which the validator demands"

TYPED = "Zope gives a 304 a Content-Type, which the validator forbids"
NOT_ADDED = "what adds it is left out"


def add(kind: str, product: str, constructor: str, **fields) -> Step:
    """Add an object through the management pages."""
    return Step(
        "POST",
        f"/manage_addProduct/{product}/{constructor}",
        302,
        fields=[MANAGER, MULTIPART],
        body=multipart(**fields),
        name=f"add {kind}",
        not_validated=UNTYPED,
    )


class TestZope(AnswersManyAtOnce):
    """One process for each instance: its FileStorage takes a lock."""

    target = "paste:etc/zope.ini"
    arguments = crew = ("--workers", "1", "--threads", "4")
    at_once = ["public", "files", "objects"]
    masks = [
        (r"={15}\d+==", "(boundary)"),
        (r"_p_mtime=[\d.]+", "_p_mtime=..."),
        (r"\d{4}[-/]\d\d[-/]\d\d \d\d:\d\d(:\d\d)?( GMT[+-]\d+)?", "(time)"),
        (r'(_authenticator"? value="|_authenticator=)\w+', r"\1..."),
    ]
    volatile_fields = {"last-modified", "etag"}
    own_complaints = True

    app = "zope"

    @classmethod
    def prepare(cls, directory: Path) -> None:
        make_instance(directory)
        python("-c", ZCONSOLE, "run", "etc/zope.conf", "contents.py", cwd=directory)

    @classmethod
    def settle(cls, directory: Path) -> None:
        for name in ("etc/zope.ini", "etc/zope.conf"):  # the instance's path is written in both
            (directory / name).unlink()
        make_instance(directory)

    flows = {
        "public": [
            Step("GET", "/", contains="Zope"),
            Step("HEAD", "/"),
            Step("GET", "/", version="1.0", contains="Zope"),
            Step("GET", "/index_html", contains="Zope"),
            Step("GET", "/nothing/here", 404),
            Step("OPTIONS", "/", not_validated=UNTYPED),
            Step("GET", "/manage_main", 401, not_validated=UNTYPED),
            Step("GET", "/manage_main", 401, fields=[STRANGER], not_validated=UNTYPED),
            Step("POST", "/manage_main", 401, fields=[FORM], body=b"a=1", not_validated=UNTYPED),
            Step("GET", "/++resource++logo/favicon/favicon.ico"),
        ],
        "management": [
            Step("GET", "/manage", fields=[MANAGER]),
            Step("GET", "/manage_main", fields=[MANAGER], contains="acl_users"),
            Step("GET", "/manage_menu", fields=[MANAGER]),
            Step("GET", "/manage_access", fields=[MANAGER]),
            Step("GET", "/folder/manage_main", fields=[MANAGER], contains="Ein Ordner: \xc3\xbc"),
            add("folder", "OFSP", "manage_addFolder", id="added", title=""),
            add("file", "OFSP", "manage_addFile", id="file", file=("a.bin", "image/png", bytes_of(1_500_000))),
            Step("GET", "/file", contains="000000000093749\n", not_validated=NOT_ADDED),
        ],
        "files": [
            Step("GET", "/large", contains="000000000093749\n"),
            Step("HEAD", "/large"),
            Step("GET", "/large", 206, "000000000000001\n", fields=[("Range", "bytes=10-99")]),
            Step("GET", "/large", 206, "000000000093749\n", fields=[("Range", "bytes=70000-")]),
            Step("GET", "/large", 206, fields=[("Range", "bytes=0-4,100000-100009")], name="two ranges"),
            Step(
                "GET",
                "/large",
                416,
                fields=[("Range", "bytes=9000000-")],
                breaks=True,
                name="unsatisfiable range, for which Zope promises the whole length and gives nothing",
            ),
            Step(
                "GET",
                "/large",
                304,
                fields=[("If-Modified-Since", "Fri, 01 Jan 2100 00:00:00 GMT")],
                not_validated=TYPED,
            ),
            Step("GET", "/small", contains="small\n"),
        ],
        "objects": [
            Step("GET", "/dtml", contains="one\ntwo\n"),
            Step("GET", "/template", contains="<li>one</li>"),
            Step("GET", "/pieces", contains="piece 8\npiece 9\n"),
            Step("GET", "/pieces", contains="piece 8\npiece 9\n", version="1.0"),
            Step("GET", "/asked?a=%C3%A9", contains="method GET, a=\xc3\xa9"),
            Step("POST", "/asked", fields=[FORM], body=b"a=2", contains="method POST, a=2"),
            Step("POST", "/asked", fields=[FORM], body=b"a=2", chunks=2, contains="method POST, a=2"),
            Step("POST", "/asked", fields=[MULTIPART], body=multipart(a="3"), contains="method POST, a=3"),
            Step(
                "POST",
                "/upload",
                fields=[MULTIPART],
                body=multipart(file=("a.bin", "image/png", bytes_of(700_000))),
                contains="a.bin, 700000 bytes",
            ),
        ],
        "WebDAV": [
            Step("PROPFIND", "/", 401, fields=[("Depth", "0")], not_validated=UNTYPED),
            Step("PROPFIND", "/small", 207, "small", fields=[MANAGER, ("Depth", "0")]),
            Step("MKCOL", "/made", 201, fields=[MANAGER], not_validated=UNTYPED),
            Step("DELETE", "/made", 204, fields=[MANAGER], not_validated=NOT_ADDED),
            Step("GET", "/made", 404),
        ],
    }


ZCONSOLE = "from Zope2.utilities.zconsole import main; main()"
MKWSGIINSTANCE = "from Zope2.utilities.mkwsgiinstance import main; main()"


def make_instance(directory: Path) -> None:
    python("-c", MKWSGIINSTANCE, "-d", str(directory), "-u", "admin:sesame", cwd=directory)


def python(*arguments: str, cwd: Path) -> None:
    ran = subprocess.run([sys.executable, *arguments], cwd=cwd, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
