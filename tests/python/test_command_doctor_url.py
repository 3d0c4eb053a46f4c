"""`millau doctor URL`: a deployment behind real front servers, set up well and set up badly."""

from __future__ import annotations

import json
import re

import pytest
from front_server import APPS, SECRET, Pair, Place, program, start_front_server
from server import Server, run_millau
from test_command_doctor import problems

TOKEN = "0123456789abcdef-of-the-tests"
FIELD = ("X-Millau-Doctor", TOKEN)


def doctor(url: str, token: str = TOKEN):
    return run_millau("doctor", url, env={"MILLAU_DOCTOR_TOKEN": token})


class Deployment:
    """Millau with a witness, as `start_front_server` wants its backend."""

    def __init__(self, *options: str) -> None:
        self.place = Place()
        binds = ["--bind", "http://127.0.0.1:0", "--unix-mode", "666", "--bind", "ajp://127.0.0.1:0"]
        binds += ["--ajp-secret", SECRET, "--ajp-packet-size", "65536"]
        for way in ("fastcgi", "scgi", "uwsgi"):
            binds += ["--bind", f"{way}+unix:{self.place.path}/{way}.sock"]
        environment = {"MILLAU_DOCTOR_TOKEN": TOKEN, **self.place.gate.environment}
        self.server = Server("behind", *binds, *options, cwd=APPS, env=environment)

    def bind(self, pair: Pair) -> str:
        if pair.carrier == "unix":
            return f"{pair.way}+unix:{self.place.path}/{pair.way}.sock"
        return next(front for front in self.server.fronts if front.startswith(f"{pair.way}://"))

    def examine(self, pair: Pair, rewrite=lambda printed: printed):
        if program(pair.server) is None:
            pytest.skip(f"{pair.server} is not installed")
        front = start_front_server(pair, "", self, rewrite)
        try:
            return doctor(f"http://localhost:{front.port}/")
        finally:
            front.stop()

    def __enter__(self) -> Deployment:
        self.server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.stop()
        self.place.close()


@pytest.fixture(scope="module")
def deployment():
    with Deployment("--forwarded-from", "127.0.0.1") as running:
        yield running


def without(pattern: str):
    """Takes lines out of a configuration, of which there must be some."""

    def rewrite(printed: str) -> str:
        kept = [line for line in printed.splitlines() if not re.search(pattern, line)]
        assert len(kept) < len(printed.splitlines()), printed
        return "\n".join(kept) + "\n"

    return rewrite


PAIRS = [
    Pair("nginx", "http"),
    Pair("nginx", "fastcgi", "unix"),
    Pair("apache", "http"),
    Pair("apache", "fastcgi", "unix"),
    Pair("lighttpd", "http"),
    Pair("lighttpd", "fastcgi", "unix"),
    *(Pair(server, way, "unix") for server in ("nginx", "apache", "lighttpd") for way in ("scgi", "uwsgi")),
    Pair("apache", "ajp"),
]


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_what_millau_config_prints_is_found_right(deployment, pair):
    done = deployment.examine(pair)
    assert done.returncode == 0, done.stdout
    assert not [line for line in done.stdout.splitlines() if line.startswith(("error:", "warning:"))], done.stdout
    assert "path, scheme, host and client arrive as they should" in done.stdout


@pytest.mark.parametrize(
    ("pair", "line", "problem", "said"),
    [
        (
            PAIRS[0],
            r"proxy_set_header\s+Host",
            "host-wrong",
            "nginx, in the location: proxy_set_header Host $http_host;",
        ),
        (PAIRS[0], r"proxy_set_header\s+X-Forwarded-For", "client-address", "$proxy_add_x_forwarded_for"),
        (PAIRS[2], r"ProxyPreserveHost", "host-wrong", "Apache, beside ProxyPass: ProxyPreserveHost On"),
    ],
    ids=["nginx-host", "nginx-client", "apache-host"],
)
def test_a_line_that_is_missing_is_named(deployment, pair, line, problem, said):
    done = deployment.examine(pair, without(line))
    assert problem in problems(done.stdout), done.stdout
    assert said in done.stdout


def test_a_scheme_that_the_front_server_tells_wrongly(deployment):
    done = deployment.examine(
        PAIRS[0], lambda printed: printed.replace("X-Forwarded-Proto $scheme", "X-Forwarded-Proto https")
    )
    assert problems(done.stdout) == ["scheme-wrong"], done.stdout
    assert done.returncode == 1


def test_a_mount_that_the_front_server_takes_away(deployment):
    done = deployment.examine(
        PAIRS[0], lambda printed: re.sub(r"(proxy_pass\s+http://[^/;]+);", r"\1/elsewhere/;", printed)
    )
    assert "path-mangled" in problems(done.stdout), done.stdout
    assert "proxy_pass http://ADDRESS;" in done.stdout


def test_a_front_server_that_is_not_believed():
    with Deployment() as running:
        done = running.examine(PAIRS[0])
    assert problems(done.stdout) == ["client-address"], done.stdout
    assert "millau serve --forwarded-from 127.0.0.1" in done.stdout


def test_millau_without_a_front_server(deployment):
    url = deployment.bind(PAIRS[0])
    done = doctor(url.replace("127.0.0.1", "localhost"))
    assert (done.returncode, problems(done.stdout)) == (0, []), done.stdout
    assert "11 requests: path, scheme, host and client arrive as they should" in done.stdout


def test_a_front_server_that_does_not_reach_millau(deployment):
    wrong = re.compile(r"proxy_pass\s+http://[^;]+;")
    done = deployment.examine(PAIRS[0], lambda printed: wrong.sub("proxy_pass http://127.0.0.1:1;", printed))
    assert (done.returncode, problems(done.stdout)) == (1, ["unreachable"])
    assert "nginx answers 502: it does not reach Millau" in done.stdout


def test_nobody_at_the_address():
    done = doctor("http://127.0.0.1:1/")
    assert (done.returncode, problems(done.stdout)) == (1, ["unreachable"])


def test_without_a_token_nothing_is_asked_for_and_it_is_said_how(deployment):
    done = doctor(deployment.bind(PAIRS[0]), token="")
    assert problems(done.stdout) == ["no-witness"]
    assert "openssl rand -hex 16" in done.stdout


def test_with_another_token_the_application_answers(deployment):
    done = doctor(deployment.bind(PAIRS[0]), token="0123456789abcdef-of-others")
    assert (done.returncode, problems(done.stdout)) == (1, ["no-witness"])


def test_the_witness_hides_credentials_and_is_not_stored(deployment):
    fields = [FIELD, ("Cookie", "session=c00kie"), ("Authorization", "Basic c2VjcmV0"), ("X-Api-Key", "k3y")]
    answer = deployment.server.get("/a%20b?c", fields)
    assert answer["Cache-Control"] == "no-store"
    told = json.loads(answer.body)
    assert ["PATH_INFO", "/a b"] in told["variables"]
    for secret in (b"c00kie", b"c2VjcmV0", b"k3y", TOKEN.encode()):
        assert secret not in answer.body


@pytest.mark.parametrize("sent", ["", "0123456789abcdef", TOKEN + "x", TOKEN[:-1] + "x"])
def test_who_does_not_know_the_token_meets_the_application(deployment, sent):
    assert b'"variables"' not in deployment.server.get("/", [("X-Millau-Doctor", sent)]).body


def test_without_the_setting_nobody_is_told_anything():
    with Server("behind", cwd=APPS) as server:
        for sent in ("", TOKEN):
            assert b'"variables"' not in server.get("/", [("X-Millau-Doctor", sent)]).body


def test_a_token_that_can_be_guessed_is_refused():
    done = run_millau("serve", "behind", "--doctor-token", "short", cwd=APPS)
    assert done.returncode == 2
    assert "openssl rand -hex 16" in done.stderr


def test_the_url_of_a_script(tmp_path):
    (tmp_path / "hello.py").write_text("#!/usr/bin/env python3\nprint('Content-Type: text/plain\\n')\n")
    with Server(f"static:{tmp_path}", "--mount", f"/cgi-bin=cgi:{tmp_path}") as server:
        url = server.fronts[0]
        sent = doctor(f"{url}/hello.py", token="")
        assert (sent.returncode, problems(sent.stdout)) == (1, ["not-served-as-cgi"])
        assert "cgi:DIRECTORY" in sent.stdout
        refused = doctor(f"{url}/cgi-bin/hello.py", token="")
        assert problems(refused.stdout) == ["no-witness"]
        assert "on the server: millau doctor /path/to/script" in refused.stdout
