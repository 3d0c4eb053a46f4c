"""A repoze.who stack over Millau, as over wsgiref; the user whom it finds reaches the access log."""

from __future__ import annotations

import base64

from comparison import AnswersAsReference
from server import Server
from visitor import Step


def basic(user: str, password: str) -> tuple[str, str]:
    return "Authorization", "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


class TestRepozeWho(AnswersAsReference):
    app = "repoze_who"
    target = "pages:application"
    masks = [(r'ticket="?[^;"]+"?', "ticket=...")]
    flows = {
        "basic": [
            Step("GET", "/", 401, "This server could not verify"),
            Step("HEAD", "/", 401),
            Step("GET", "/open", contains="hello stranger"),
            Step("GET", "/", 401, fields=[basic("admin", "wrong")]),
            Step("GET", "/", contains="hello admin, ", fields=[basic("admin", "sesame")]),
            Step("POST", "/", contains="hello admin, ", fields=[basic("admin", "sesame")], body=b"unread"),
            Step("GET", "/", 401, fields=[("Authorization", "Basic nonsense")]),
        ],
    }

    def test_remote_user_in_access_log(self, servers, tmp_path):
        """The middleware writes REMOTE_USER into environ; the access log tells it."""
        log = tmp_path / "access.log"
        directory = servers["millau"].directory
        with Server(self.target, "--access-log", str(log), "--access-log-format", "common", cwd=directory) as server:
            assert server.get("/", [basic("admin", "sesame")]).status == 200
            assert server.get("/open").status == 200
        # Lines of different connections may be in any order.
        users = {line.split()[6]: line.split()[2] for line in log.read_text().splitlines()}
        assert users == {"/": "admin", "/open": "-"}
