"""Where the server listens: TCP, UNIX sockets, several at once, descriptors that somebody else has opened."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from client import Client
from server import APPS, PATIENCE, READY, Server, run_millau

ACTIVATE = [sys.executable, str(Path(__file__).with_name("activate_sockets.py"))]


def start(*arguments, **more):
    return Server("plain", *arguments, cwd=APPS, **more)


def hello(server, front) -> bytes:
    return server.request(target="/hello", front=front).body


def test_several_fronts_at_once(tmp_path):
    path = tmp_path / "socket"
    binds = ["http://127.0.0.1:0", "127.0.0.1:0", f"http+unix:{path}"]
    with start(*[a for b in binds for a in ("--bind", b)], "--workers", "2") as server:
        assert len(server.fronts) == 3
        assert server.fronts[2] == f"http+unix:{path}"
        for _ in range(5):
            for front in server.fronts:
                assert hello(server, front) == b"hello"


def test_a_busy_front_does_not_stop_another(tmp_path, gate):
    with start("--bind", "127.0.0.1:0", "--bind", f"http+unix:{tmp_path}/s", env=gate.environment) as server:
        with server.client() as client:
            client.send(b"GET /gate HTTP/1.1\r\nHost: a\r\n\r\n")
            visit = gate.next("gate")
            assert hello(server, server.fronts[1]) == b"hello"
            visit.open()
            assert client.response().status == 200


def test_ipv6():
    with start("--bind", "http://[::1]:0") as server:
        assert server.url.startswith("http://[::1]:")
        assert hello(server, server.url) == b"hello"


def test_a_name_as_host():
    with start("--bind", "localhost:0") as server:
        assert hello(server, f"http://127.0.0.1:{server.port}") == b"hello"


# UNIX sockets


def test_a_reload_binds_a_socket_anew_whose_file_was_removed(tmp_path):
    path = tmp_path / "socket"
    front = f"http+unix:{path}"
    with start("--bind", front, "--bind", "http://127.0.0.1:0", "--workers", "2") as server:
        path.unlink()
        server.reload()
        server.wait_for_log(f"listening on {front} anew")
        assert hello(server, front) == b"hello"
        assert server.request(target="/hello", front=server.fronts[1]).body == b"hello"
        before = path.stat().st_ino
        server.reload()
        assert (path.stat().st_ino, hello(server, front)) == (before, b"hello")
        assert server.log().count(" anew") == 1
    assert not path.exists()


def test_a_reload_leaves_a_socket_that_another_has_put_there(tmp_path):
    path = tmp_path / "socket"
    front = f"http+unix:{path}"
    with start("--bind", front) as server:
        path.unlink()
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(path))
            other.listen()
            server.reload()
            assert f"cannot listen on {front}: a process answers there" in server.wait_for_log("WARN")
        server.reload()
        assert hello(server, front) == b"hello"


def test_a_unix_socket_is_there_while_the_server_is(tmp_path):
    path = tmp_path / "socket"
    with start("--bind", f"http+unix:{path}") as server:
        assert stat.S_ISSOCK(path.stat().st_mode)
        assert hello(server, server.url) == b"hello"
    assert not path.exists()


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_the_mode_of_a_unix_socket_is_660_unless_told_otherwise(tmp_path, umask):
    """The front server is in the group; others have no business there. The umask plays no part."""
    before = os.umask(umask)
    try:
        with start("--bind", f"http+unix:{tmp_path}/s"):
            assert stat.S_IMODE((tmp_path / "s").stat().st_mode) == 0o660
        with start("--bind", f"http+unix:{tmp_path}/s", "--unix-mode", "600"):
            assert stat.S_IMODE((tmp_path / "s").stat().st_mode) == 0o600
    finally:
        os.umask(before)


def test_a_socket_that_a_dead_server_left_is_replaced(tmp_path):
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    assert path.exists()
    with start("--bind", f"http+unix:{path}") as server:
        assert hello(server, server.url) == b"hello"


def test_a_socket_of_a_living_server_is_not_taken(tmp_path):
    path = tmp_path / "socket"
    with start("--bind", f"http+unix:{path}") as server:
        done = run_millau("serve", "plain", "--bind", f"http+unix:{path}", cwd=APPS)
        assert done.returncode == 4
        assert str(path) in done.stderr
        assert hello(server, server.url) == b"hello"
    assert not path.exists()


@pytest.mark.parametrize("kind", ["file", "directory", "link"])
def test_what_is_no_socket_is_not_replaced(tmp_path, kind):
    path = tmp_path / "precious"
    if kind == "file":
        path.write_text("data")
    elif kind == "directory":
        path.mkdir()
    else:
        (tmp_path / "data").write_text("data")
        path.symlink_to(tmp_path / "data")
    done = run_millau("serve", "plain", "--bind", f"http+unix:{path}", cwd=APPS)
    assert done.returncode == 4
    assert str(path) in done.stderr
    assert path.exists()


def test_a_socket_that_another_server_has_put_there_is_left_alone(tmp_path):
    """At its end a server removes its own socket only."""
    path = tmp_path / "socket"
    with start("--bind", f"http+unix:{path}"):
        path.unlink()
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(path))
    assert path.exists()


def test_a_relative_path(tmp_path):
    with Server("plain:application", "--bind", "http+unix:here", cwd=tmp_path, env={"PYTHONPATH": str(APPS)}):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(PATIENCE)
            sock.connect(str(tmp_path / "here"))
            client = Client(sock)
            assert client.request(target="/hello").body == b"hello"


# Descriptors


def test_an_inherited_descriptor():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with start("--bind", f"http+fd:{listener.fileno()}", pass_fds=[listener.fileno()]) as server:
            assert hello(server, f"http://127.0.0.1:{port}") == b"hello"
            server.reload()
            assert hello(server, f"http://127.0.0.1:{port}") == b"hello"


def test_an_inherited_unix_descriptor(tmp_path):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        with start("--bind", f"http+fd:{listener.fileno()}", pass_fds=[listener.fileno()]) as server:
            assert hello(server, f"http+unix:{tmp_path}/s") == b"hello"
    assert (tmp_path / "s").exists(), "a socket that somebody else has made is not the server's to remove"


def test_descriptors_that_cannot_serve():
    """Not open, no socket, not listening, a datagram socket: each is exit code 4 and a line that names it."""
    assert run_millau("serve", "plain", "--bind", "http+fd:77", cwd=APPS).returncode == 4
    with socket.socket() as idle, socket.socket(type=socket.SOCK_DGRAM) as datagram, open(os.devnull) as file:
        for thing in (idle, datagram, file):
            done = subprocess.run(
                [sys.executable, "-m", "millau", "serve", "plain", "--bind", f"http+fd:{thing.fileno()}"],
                cwd=APPS,
                pass_fds=[thing.fileno()],
                capture_output=True,
                text=True,
                timeout=PATIENCE,
            )
            assert done.returncode == 4, done
            assert f"fd:{thing.fileno()}" in done.stderr or str(thing.fileno()) in done.stderr


def activated(server) -> list[str]:
    return server.wait_for_out("activated").split()[1:]


@pytest.mark.parametrize("count", [1, 3])
def test_socket_activation(count):
    """systemd: LISTEN_FDS descriptors from 3 on, meant for LISTEN_PID. Without --bind they are what is listened on."""
    with start(prefix=[*ACTIVATE, str(count), "self"], bind=False) as server:
        fronts = activated(server)
        assert len(fronts) == count
        assert sorted(server.fronts) == sorted(fronts)
        for front in fronts:
            assert hello(server, front) == b"hello"
        server.reload()
        for front in fronts:
            assert hello(server, front) == b"hello"


def test_sockets_that_are_meant_for_another_process_are_not_taken():
    """LISTEN_PID is the parent's, say: the variables were inherited by mistake."""
    with start("--bind", "127.0.0.1:0", prefix=[*ACTIVATE, "1", "other"]) as server:
        (front,) = activated(server)
        assert server.url != front


def test_an_activated_descriptor_by_number():
    with start("--bind", "http+fd:3", prefix=[*ACTIVATE, "1", "self"]) as server:
        (front,) = activated(server)
        assert hello(server, front) == b"hello"


def test_the_variables_of_activation_do_not_reach_the_application(tmp_path):
    (tmp_path / "looking.py").write_text(
        "import os\n"
        "def application(environ, start_response):\n"
        "    start_response('200 OK', [])\n"
        "    return [' '.join(k for k in os.environ if k.startswith('LISTEN_')).encode()]\n"
    )
    with Server("looking", cwd=tmp_path, prefix=[*ACTIVATE, "1", "self"], bind=False) as server:
        assert server.get().body == b""


@pytest.mark.skipif(not shutil.which("systemd-socket-activate"), reason="needs systemd-socket-activate")
def test_systemd_socket_activate():
    """The real thing. It starts the command when the first connection comes."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    prefix = ["systemd-socket-activate", "-l", f"127.0.0.1:{port}"]
    with start(prefix=prefix, bind=False, wait_for="Listening on") as server:
        assert server.request(target="/hello", front=f"http://127.0.0.1:{port}").body == b"hello"
        server.wait_for_log(READY)
