"""Servers that a program starts itself: `millau.fcgi`, `.scgi`, `.ajp`, `.cgi` in place of flup's, and Paste's `[server:main]`."""

from __future__ import annotations

import json
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest
from front_request import front_request
from server import APPS, PATIENCE, Server, command_environment
from test_cgi_front import run_cgi

FASTCGI_BEGIN = struct.pack("!BBHHBx", 1, 1, 1, 8, 0) + struct.pack("!HB5x", 1, 0)


def fastcgi_request(variables: dict[str, str]) -> bytes:
    pairs = b"".join(bytes([len(k), len(v)]) + k.encode() + v.encode() for k, v in variables.items())
    return b"".join(
        [
            FASTCGI_BEGIN,
            struct.pack("!BBHHBx", 1, 4, 1, len(pairs), 0) + pairs,
            struct.pack("!BBHHBx", 1, 4, 1, 0, 0),
            struct.pack("!BBHHBx", 1, 5, 1, 0, 0),
        ]
    )


def fastcgi_body(answer: bytes) -> bytes:
    out = b""
    while answer:
        kind, length, padding = answer[1], *struct.unpack("!HB", answer[4:7])
        out += answer[8 : 8 + length] if kind == 6 else b""
        answer = answer[8 + length + padding :]
    return out.partition(b"\r\n\r\n")[2]


def scgi_request(variables: dict[str, str]) -> bytes:
    block = "".join(f"{k}\0{v}\0" for k, v in {"CONTENT_LENGTH": "0", "SCGI": "1", **variables}.items()).encode()
    return b"%d:%s," % (len(block), block)


def ajp_body(sock: socket.socket) -> bytes:
    """What the packets of one response carry, up to its end: SEND_BODY_CHUNK is 3, END_RESPONSE 5."""
    out = b""
    with sock.makefile("rb") as packets:
        while True:
            magic, length = struct.unpack("!2sH", packets.read(4))
            packet = packets.read(length)
            assert magic == b"AB"
            if packet[0] == 5:
                return out
            if packet[0] == 3:
                (size,) = struct.unpack("!H", packet[1:3])
                out += packet[3 : 3 + size]


class Program:
    """A Python program that serves, and its log."""

    def __init__(self, folder: Path, text: str, **options) -> None:
        self.file = folder / "program.py"
        self.file.write_text(f"import sys\nsys.path.insert(0, {str(APPS)!r})\n{text}\n")
        self.process = subprocess.Popen(
            [sys.executable, str(self.file)],
            env=command_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def address(self) -> tuple[str, int]:
        """Where the log says that it listens."""
        for line in self.process.stderr:
            if " listening on " in line:
                host, _, port = line.rpartition("://")[2].strip().rpartition(":")
                return host.strip("[]"), int(port)
        raise AssertionError("it does not listen")

    def end(self, number: int) -> tuple[int, str]:
        self.process.send_signal(number)
        out, self.errors = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, out


def ask(address: tuple[str, int] | str, request: bytes) -> bytes:
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with socket.socket(family) as sock:
        sock.settimeout(PATIENCE)
        for _ in range(200):
            try:
                sock.connect(address)
                break
            except (FileNotFoundError, ConnectionRefusedError):
                time.sleep(0.02)
        sock.sendall(request)
        answer = b""
        while piece := sock.recv(65536):
            answer += piece
        return answer


REQUEST = {"REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "PATH_INFO": "/x", "REQUEST_URI": "/x", "SERVER_NAME": "h"}


@pytest.mark.parametrize(("number", "reload"), [(signal.SIGTERM, False), (signal.SIGINT, False), (signal.SIGHUP, True)])
def test_scgi_serves_in_this_very_process_until_a_signal_comes(tmp_path, number, reload):
    text = (
        "from environs import application\n"
        "from millau.scgi import WSGIServer\n"
        "server = WSGIServer(application, bindAddress=('127.0.0.1', 0), environ={'mine': 'yes'}, maxSpare=3)\n"
        "print('run gave', server.run())\n"
    )
    with Program(tmp_path, text) as program:
        result = json.loads(ask(program.address(), scgi_request(REQUEST)).partition(b"\r\n\r\n")[2])
        assert (result["environ"]["PATH_INFO"], result["environ"]["mine"]) == ("/x", "yes")
        assert (result["environ"]["wsgi.multithread"], result["environ"]["wsgi.multiprocess"]) == (True, False)
        assert result["pid"] == program.process.pid
        assert program.end(number) == (0, f"run gave {reload}\n")


def test_it_can_be_run_again_and_signals_mean_what_they_meant(tmp_path):
    text = (
        "import signal\n"
        "from plain import application\n"
        "from millau.scgi import WSGIServer\n"
        "signal.signal(signal.SIGTERM, lambda *_: print('mine', flush=True))\n"
        "while WSGIServer(application, bindAddress=('127.0.0.1', 0)).run():\n"
        "    print('again', flush=True)\n"
        "signal.raise_signal(signal.SIGTERM)\n"
    )
    with Program(tmp_path, text) as program:
        for _ in range(2):
            assert ask(
                program.address(), scgi_request(REQUEST | {"PATH_INFO": "/hello", "REQUEST_URI": "/hello"})
            ).endswith(b"hello")
            program.process.send_signal(signal.SIGHUP)
            assert program.process.stdout.readline() == "again\n"
        program.address()
        assert program.end(signal.SIGTERM) == (0, "mine\n")


def test_a_script_name_leads_to_the_application(tmp_path):
    text = (
        "from environs import application\n"
        "from millau.scgi import WSGIServer\n"
        "WSGIServer(application, '/app', bindAddress=('127.0.0.1', 0), multithreaded=False, multiprocess=True).run()\n"
    )
    request = {"REQUEST_METHOD": "GET", "REQUEST_URI": "/app/x", "DOCUMENT_URI": "/app/x"}
    with Program(tmp_path, text) as program:
        address = program.address()
        environ = json.loads(ask(address, scgi_request(request)).partition(b"\r\n\r\n")[2])["environ"]
        assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == ("/app", "/x")
        assert (environ["wsgi.multithread"], environ["wsgi.multiprocess"]) == (False, True)
        elsewhere = {"REQUEST_METHOD": "GET", "REQUEST_URI": "/other", "DOCUMENT_URI": "/other"}
        assert ask(address, scgi_request(elsewhere)).startswith(b"Status: 404 ")
        assert program.end(signal.SIGTERM)[0] == 0


def test_fastcgi_over_a_unix_socket_with_a_umask(tmp_path):
    path = tmp_path / "app.sock"
    text = (
        "from environs import application\n"
        "from millau.fcgi import WSGIServer\n"
        f"WSGIServer(application, bindAddress={str(path)!r}, umask=0o007, multiplexed=True, debug=False).run()\n"
    )
    with Program(tmp_path, text) as program:
        result = json.loads(fastcgi_body(ask(str(path), fastcgi_request(REQUEST))))
        assert result["environ"]["PATH_INFO"] == "/x"
        assert path.stat().st_mode & 0o777 == 0o770
        assert program.end(signal.SIGTERM)[0] == 0
    assert not path.exists()


def test_processes_serve_where_children_are_asked_for(tmp_path):
    text = (
        "from environs import application\n"
        "from millau.fcgi import WSGIServer\n"
        "WSGIServer(application, bindAddress=('127.0.0.1', 0), maxChildren=2, multithreaded=False).run()\n"
    )
    with Program(tmp_path, text) as program:
        result = json.loads(fastcgi_body(ask(program.address(), fastcgi_request(REQUEST))))
        assert result["pid"] != program.process.pid
        assert (result["environ"]["wsgi.multithread"], result["environ"]["wsgi.multiprocess"]) == (False, True)
        assert program.end(signal.SIGTERM)[0] == 0


def test_a_fastcgi_program_serves_the_socket_that_the_web_server_hands_it(tmp_path):
    # The HOWTO's sample, with one import changed.
    (tmp_path / "howto").mkdir()
    text = (
        f"sys.path.insert(0, {str(APPS.parent / 'apps' / 'howto')!r})\n"
        "from sample import app\n"
        "from millau.fcgi import WSGIServer\n"
        "WSGIServer(app).run()\n"
    )
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        with Program(tmp_path, text, stdin=listener) as program:
            body = fastcgi_body(ask(listener.getsockname(), fastcgi_request(REQUEST)))
            assert (
                body.startswith(b"<h1>FastCGI Environment</h1>") and b"<tr><th>PATH_INFO</th><td>/x</td></tr>" in body
            )
            assert program.end(signal.SIGTERM)[0] == 0


@pytest.mark.parametrize("module", ["fcgi", "cgi"])
def test_a_cgi_program_answers_its_one_request(tmp_path, module):
    file = tmp_path / "program.py"
    file.write_text(
        f"#!{sys.executable}\n"
        f"import sys\nsys.path.insert(0, {str(APPS)!r})\n"
        "from environs import application\n"
        f"from millau.{module} import WSGIServer\n"
        "WSGIServer(application, environ={'mine': 'yes'}).run()\n"
        "print('never in the response')\n"
    )
    file.chmod(0o755)
    result = run_cgi(command=[str(file)], path="/x")
    environ = json.loads(result.body)["environ"]
    assert (result.code, result.status) == (0, "200 OK")
    assert (environ["PATH_INFO"], environ["mine"], environ["wsgi.run_once"]) == ("/x", "yes", True)


def test_ajp_wants_a_secret_where_others_can_reach_it():
    from millau.ajp import WSGIServer

    def application(environ, start_response):
        raise AssertionError("nothing is served")

    with pytest.raises(ValueError, match="ajp-secret"):
        WSGIServer(application, bindAddress=("", 0)).run()


def test_ajp_answers_one_request_after_another(tmp_path):
    text = (
        "from environs import application\n"
        "from millau.ajp import WSGIServer\n"
        "server = WSGIServer(application, '/app', environ={'mine': 'yes'}, bindAddress=('127.0.0.1', 0), maxThreads=2)\n"
        "print('run gave', server.run())\n"
    )
    with Program(tmp_path, text) as program:
        with socket.create_connection(program.address(), timeout=PATIENCE) as sock:
            for path in ("/x", "/y"):
                sock.sendall(front_request("ajp", "POST", f"/app{path}?a=b", b"a body"))
                result = json.loads(ajp_body(sock))
                seen = result["environ"]
                assert (seen["SCRIPT_NAME"], seen["PATH_INFO"], seen["QUERY_STRING"]) == ("/app", path, "a=b")
                assert (seen["REMOTE_ADDR"], seen["CONTENT_LENGTH"], seen["mine"]) == ("192.0.2.7", "6", "yes")
                assert result["pid"] == program.process.pid
            sock.sendall(front_request("ajp", "GET", "/elsewhere"))
            assert ajp_body(sock).startswith(b"no application")
        assert program.end(signal.SIGTERM) == (0, "run gave False\n")


def test_what_is_wrong_is_an_exception(tmp_path):
    from millau.fcgi import WSGIServer

    def application(environ, start_response):
        raise AssertionError("nothing is served")

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        with pytest.raises(OSError, match="in use"):
            WSGIServer(application, bindAddress=listener.getsockname()).run()
    with pytest.raises(TypeError, match="maxThread"):
        WSGIServer(application, bindAddress=("127.0.0.1", 0), maxThread=3).run()
    with pytest.raises(ValueError, match="responder"):
        WSGIServer(application, roles=(2,))


def test_a_paste_file_names_millau_as_its_server(tmp_path):
    pytest.importorskip("paste.deploy")
    sock = tmp_path / "site.sock"
    (tmp_path / "site.ini").write_text(
        "[app:main]\npaste.app_factory = paste_site:factory\n"
        f"[server:main]\nuse = egg:millau#main\nport = 0\nbind = scgi+unix:{sock}\nthreads = 3\nkeep_alive_timeout = 5\n"
    )
    (tmp_path / "paste_site.py").write_text(
        "def factory(global_conf):\n    from environs import application\n    return application\n"
    )
    text = (
        f"sys.path.insert(0, {str(tmp_path)!r})\n"
        "from paste.deploy import loadapp, loadserver\n"
        f"uri = 'config:{tmp_path}/site.ini'\n"
        "loadserver(uri)(loadapp(uri))\n"
    )
    with Program(tmp_path, text) as program:
        host, port = program.address()
        assert (
            json.loads(ask(str(sock), scgi_request(REQUEST)).partition(b"\r\n\r\n")[2])["environ"]["PATH_INFO"] == "/x"
        )
        answer = ask((host, port), b"GET /y HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["pid"] == program.process.pid
        assert program.end(signal.SIGTERM)[0] == 0


def test_pserve_runs_a_pipeline_over_the_server_runner(tmp_path):
    pytest.importorskip("pyramid.scripts.pserve")
    (tmp_path / "site.ini").write_text(
        "[app:main]\npaste.app_factory = runner_site:factory\n"
        "[server:main]\npaste.server_runner = millau.paste:server_runner\n"
        "host = 127.0.0.1\nport = 0\nthreads = 1\nlog_level = info\n"
    )
    (tmp_path / "runner_site.py").write_text(
        "def factory(global_conf):\n    from environs import application\n    return application\n"
    )
    text = (
        f"sys.path.insert(0, {str(tmp_path)!r})\n"
        "from pyramid.scripts.pserve import main\n"
        f"sys.exit(main(['pserve', '{tmp_path}/site.ini']))\n"
    )
    with Program(tmp_path, text) as program:
        answer = ask(program.address(), b"GET /y HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        result = json.loads(answer.partition(b"\r\n\r\n")[2])
        assert (result["environ"]["PATH_INFO"], result["environ"]["wsgi.multithread"]) == ("/y", False)
        assert result["pid"] == program.process.pid
        assert program.end(signal.SIGTERM)[0] == 0


def test_the_command_serves_a_paste_file_as_its_server_section_says(tmp_path):
    pytest.importorskip("paste.deploy")
    sock = tmp_path / "site.sock"
    (tmp_path / "site.ini").write_text(
        "[app:main]\npaste.app_factory = environs_site:factory\n"
        "[server:main]\nuse = egg:millau#main\nport = 0\nbind = scgi+unix:%(here)s/site.sock\nthreads = 1\n"
    )
    (tmp_path / "environs_site.py").write_text(
        "def factory(global_conf):\n    from environs import application\n    return application\n"
    )
    options = ("--chdir", str(tmp_path), "--pythonpath", str(APPS))
    with Server("paste:site.ini", *options, bind=False) as server:
        assert [front.partition(":")[0] for front in server.fronts] == ["http", "scgi+unix"]
        environ = json.loads(ask(str(sock), scgi_request(REQUEST)).partition(b"\r\n\r\n")[2])["environ"]
        assert (environ["PATH_INFO"], environ["wsgi.multithread"]) == ("/x", False)
    with Server("paste:site.ini", *options, "--threads", "3", "--bind", "http://127.0.0.1:0") as server:
        assert len(server.fronts) == 1
        assert json.loads(server.get("/y").body)["environ"]["wsgi.multithread"] is True


def test_a_wrong_setting_is_an_exception_that_names_the_line_and_the_file():
    from millau.paste import server_factory

    def refusal(**settings: str) -> str:
        serve = server_factory({"__file__": "/srv/site.ini"}, port="0", **settings)
        with pytest.raises(ValueError) as refused:
            serve(lambda environ, start_response: [])
        return str(refused.value)

    place = "/srv/site.ini, the section of the server: "
    assert refusal(thread="3") == f"{place}no setting is called 'thread'; did you mean 'threads'?"
    assert refusal(threads="many").startswith(f"{place}threads 'many': ")
    assert "MILLAU_" not in refusal(keep_alive_timeout="soon")


def test_what_a_program_cannot_have_of_its_settings_is_told():
    def run(port: int, **settings: str) -> subprocess.CompletedProcess[str]:
        given = {"host": "127.0.0.1", "port": str(port)} | settings
        code = f"from millau.paste import server_runner\nserver_runner(lambda environ, start: [], None, **{given!r})\n"
        return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE)

    done = run(0, error_log="/nowhere/at/all")
    assert done.returncode == 1 and "OSError" in done.stderr and "/nowhere/at/all" in done.stderr
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = run(taken.getsockname()[1], chdir="/", cgi_timeout="3")
    assert "in use" in done.stderr
    for name in ("chdir", "cgi-timeout"):
        assert f"the setting {name} has no effect where a program serves its own application" in done.stderr
