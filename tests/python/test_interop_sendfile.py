"""Files that an application has its front server send: X-Accel-Redirect for nginx, X-Sendfile for lighttpd.

Frameworks name the file and its length and give no body, which is not the broken promise that it would be elsewhere.
"""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from front_server import ABSENT, Pair, program, start_front_server

CONTENT = b"what only the front server reads " * 1000

PAIRS = [
    *(Pair("nginx", way) for way in ("http", "fastcgi", "scgi", "uwsgi")),
    *(Pair("lighttpd", way) for way in ("fastcgi", "scgi")),
]


def rewritten(pair: Pair, folder: str, printed: str) -> str:
    if pair.server == "nginx":
        return printed.replace("location ", f"location /private/ {{ internal; alias {folder}/; }}\n    location ", 1)
    return printed.replace('"check-local" => "disable"', '"check-local" => "disable", "x-sendfile" => "enable"')


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_a_file_that_the_application_names_is_sent(backend, pair):
    if program(pair.server) is None or pair.way in ABSENT:
        pytest.skip(f"{pair} is not here")
    folder = backend.place.path / "named"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    (folder / "file.txt").write_bytes(CONTENT)
    field, file = {
        "nginx": ("X-Accel-Redirect", "/private/file.txt"),
        "lighttpd": ("X-Sendfile", f"{folder}/file.txt"),
    }[pair.server]
    query = urlencode({"field": field, "file": file, "length": len(CONTENT)})
    before = len(backend.server.log())
    front = start_front_server(pair, "", backend, lambda printed: rewritten(pair, str(folder), printed))
    try:
        response = front.request(target=f"/names_a_file?{query}")
        assert (response.status, response.body) == (200, CONTENT)
        assert front.request(target="/hello").body == b"hello"
    finally:
        front.stop()
    assert "error" not in backend.server.log()[before:]
