"""`millau doctor URL`: a deployment behind real front servers, set up well and set up badly."""

from __future__ import annotations

import json
import re
import socket
import threading

import pytest
from front_server import APPS, SECRET, Pair, Place, program, start_front_server
from server import PATIENCE, Server, run_millau
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
            return doctor(f"http://localhost:{front.port}/hello")
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
        (PAIRS[0], r"proxy_set_header\s+X-Forwarded-For", "client-address", "X-Forwarded-For $remote_addr;"),
        (PAIRS[2], r"ProxyPreserveHost", "host-wrong", "Apache, beside ProxyPass: ProxyPreserveHost On"),
    ],
    ids=["nginx-host", "nginx-client", "apache-host"],
)
def test_a_line_that_is_missing_is_named(deployment, pair, line, problem, said):
    done = deployment.examine(pair, without(line))
    assert problem in problems(done.stdout), done.stdout
    assert said in done.stdout


def test_nginx_s_own_line_for_the_host_is_to_be_replaced(deployment):
    """Debian's fastcgi_params has it. Of two lines the last counts."""
    stock, advised = "fastcgi_param HTTP_HOST $host;", "fastcgi_param HTTP_HOST $http_host;"

    def with_lines(*lines: str):
        return deployment.examine(
            PAIRS[1], lambda printed: re.sub(r"(fastcgi_pass [^;]+;)", "\n".join((r"\1", *lines)), printed)
        )

    done = with_lines(stock)
    assert problems(done.stdout) == ["host-wrong"], done.stdout
    assert f"in place of any line for HTTP_HOST there and in the file fastcgi_params: {advised}" in done.stdout
    assert problems(with_lines(advised, stock).stdout) == ["host-wrong"]
    assert problems(with_lines(stock, advised).stdout) == []
    assert problems(with_lines(advised).stdout) == []


def test_a_front_server_that_adds_to_what_a_client_claims(deployment):
    """Over the loopback interface the client asks from an address that Millau believes."""

    def with_value(value: str):
        return deployment.examine(
            PAIRS[0],
            lambda printed: printed.replace("X-Forwarded-For $remote_addr;", f"X-Forwarded-For {value};"),
        )

    added = with_value("$proxy_add_x_forwarded_for")
    assert (added.returncode, problems(added.stdout)) == (0, ["client-address"]), added.stdout
    assert "a client at 127.0.0.1 can choose the address" in added.stdout
    passed_on = with_value("$http_x_forwarded_for")
    assert passed_on.returncode == 1 and "as the client sent it" in passed_on.stdout
    for done in (added, passed_on):
        assert "nginx, in the location: proxy_set_header X-Forwarded-For $remote_addr;" in done.stdout


def test_lighttpd_is_known_by_what_it_adds_since_it_passes_on_the_name_of_what_is_behind_it(deployment):
    done = deployment.examine(PAIRS[4], without("setenv.set-request-header"))
    assert (done.returncode, problems(done.stdout)) == (0, ["client-address"]), done.stdout
    assert 'beside proxy.server: setenv.set-request-header = ( "X-Forwarded-For" => "" )' in done.stdout


def test_a_query_that_the_front_server_leaves_out(deployment):
    done = deployment.examine(
        PAIRS[1], lambda printed: printed.replace("QUERY_STRING $query_string;", 'QUERY_STRING "";')
    )
    assert (done.returncode, problems(done.stdout)) == (1, ["query-mangled"]), done.stdout
    assert "fastcgi_param QUERY_STRING $query_string;" in done.stdout and "split_path_info" not in done.stdout


@pytest.mark.parametrize(("pair", "name"), [(PAIRS[1], "REMOTE_ADDR"), (PAIRS[0], "X-Forwarded-For")], ids=str)
def test_a_client_that_the_front_server_takes_for_another(deployment, pair, name):
    done = deployment.examine(pair, lambda printed: printed.replace(f"{name} $remote_addr;", f"{name} 198.51.100.1;"))
    assert problems(done.stdout) == ["client-address"], done.stdout
    assert "the client asks from 127.0.0.1, the application sees 198.51.100.1" in done.stdout
    assert f"{name} $remote_addr;" in done.stdout


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
    done = doctor(url.replace("127.0.0.1", "localhost") + "/hello")
    assert (done.returncode, problems(done.stdout)) == (0, []), done.stdout
    assert "12 requests: path, scheme, host and client arrive as they should" in done.stdout


def test_a_front_server_that_does_not_reach_millau(deployment):
    wrong = re.compile(r"proxy_pass\s+http://[^;]+;")
    done = deployment.examine(PAIRS[0], lambda printed: wrong.sub("proxy_pass http://127.0.0.1:1;", printed))
    assert (done.returncode, problems(done.stdout)) == (1, ["unreachable"])
    assert "nginx answers 502: it does not reach Millau" in done.stdout


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://127.0.0.1:99999/", "'99999' is no port"),
        ("http://a:secret@127.0.0.1:1/", "the URL names a user"),
        ("ftp://x/", "does not begin with http:// or https://"),
    ],
)
def test_a_url_that_cannot_be_asked(url, said):
    done = doctor(url)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr and done.stderr.count("\n") == 1 and "secret" not in done.stderr


def test_nobody_at_the_address():
    done = doctor("http://127.0.0.1:1/")
    assert (done.returncode, problems(done.stdout)) == (1, ["unreachable"])


def test_a_url_at_which_no_application_is():
    with Server("--mount=/shop=behind", cwd=APPS, env={"MILLAU_DOCTOR_TOKEN": TOKEN}) as server:
        for path, found in (
            ("/", ["not-mounted"]),
            ("/shopping", ["not-mounted"]),
            ("/shop/hello", []),
            ("/shop", ["error-status"]),
        ):
            done = doctor(server.fronts[0] + path)
            expected = 1 if found == ["not-mounted"] else 0
            assert (done.returncode, problems(done.stdout)) == (expected, found), done.stdout


def test_somebody_who_speaks_no_tls(deployment):
    done = doctor(deployment.bind(PAIRS[0]).replace("http://", "https://"))
    assert (done.returncode, problems(done.stdout)) == (1, ["unreachable"])
    assert "somebody listens there, and does not speak TLS: " in done.stdout
    assert "closed" not in done.stdout and "nobody" not in done.stdout


@pytest.mark.parametrize("said", [b"SSH-2.0-OpenSSH_9.2\r\n", b""])
def test_somebody_who_speaks_no_http(said):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE)

        def answer() -> None:
            peer, _ = listener.accept()
            with peer:
                peer.recv(65536)
                peer.sendall(said)

        thread = threading.Thread(target=answer)
        thread.start()
        done = doctor(f"http://127.0.0.1:{listener.getsockname()[1]}/")
        thread.join()
    assert (done.returncode, problems(done.stdout)) == (1, ["unreachable"])
    assert "somebody listens there, and no answer of HTTP comes: " in done.stdout


def test_without_a_token_nothing_is_asked_for_and_it_is_said_how(deployment):
    done = doctor(f"{deployment.bind(PAIRS[0])}/hello", token="")
    assert problems(done.stdout) == ["no-witness"]
    assert "openssl rand -hex 16" in done.stdout


def test_with_another_token_the_application_answers(deployment):
    done = doctor(deployment.bind(PAIRS[0]), token="0123456789abcdef-of-others")
    assert (done.returncode, problems(done.stdout)) == (1, ["no-witness"])


def test_a_page_of_the_front_server_s_own(deployment):
    def own_page(printed: str) -> str:
        return re.sub(r"proxy_pass [^;]+;", "default_type text/html; return 200 welcome;", printed)

    done = deployment.examine(PAIRS[0], own_page)
    assert (done.returncode, problems(done.stdout)) == (1, ["no-witness"])
    assert "nginx answers 200: it or the application answers, and not the witness" in done.stdout
    assert "ask for a URL that leads to Millau" in done.stdout


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
        assert (refused.returncode, problems(refused.stdout)) == (0, ["error-status", "no-witness"])
        assert "on the server: millau doctor /path/to/script" in refused.stdout


@pytest.mark.parametrize("token", ["", TOKEN], ids=["without a token", "with a token"])
def test_the_very_url_is_asked_and_its_status_counts(tmp_path, token):
    script = tmp_path / "asked.py"
    script.write_text(
        "#!/usr/bin/env python3\nimport os\nq = os.environ['QUERY_STRING']\n"
        "if q == '_exit': os._exit(3)\n"
        "ok = q == 'a=b&c%26' and not os.environ.get('PATH_INFO')\n"
        "print(f'Status: {200 if ok else 404}\\nContent-Type: text/plain\\n')\n"
    )
    script.chmod(0o755)
    with Server(f"cgi:{tmp_path}", env={"MILLAU_DOCTOR_TOKEN": TOKEN}) as server:
        url = f"{server.fronts[0].replace('127.0.0.1', 'localhost')}/asked.py"

        def examined(query: str):
            done = doctor(url + query, token)
            assert f"{url}{query}: " in done.stdout.splitlines()[-1], done.stdout
            return done.returncode, [problem for problem in problems(done.stdout) if problem != "no-witness"]

        assert examined("?a=b&c%26") == (0, [])
        assert examined("?_exit") == (1, ["error-status"])
        assert doctor(url + "?_exit", token).stdout.endswith(": 1 error, 0 warnings\n")
        assert examined("/?a=b&c%26") == (0, ["error-status"])
        assert examined("") == (0, ["error-status"])
