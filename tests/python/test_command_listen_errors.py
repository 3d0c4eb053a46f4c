"""A front that cannot be opened: exit code 4, and one line that says which, why and what to do."""

from __future__ import annotations

import socket

import pytest
from server import APPS, Server, run_millau


def failure(*binds: str) -> str:
    done = run_millau("serve", "plain", *[a for b in binds for a in ("--bind", b)], cwd=APPS)
    assert done.returncode == 4, (done.returncode, done.stderr)
    assert "Traceback" not in done.stderr
    assert "panicked" not in done.stderr
    errors = [line for line in done.stderr.splitlines() if " INFO " not in line]
    assert len(errors) == 1, done.stderr
    return errors[0]


def test_a_port_in_use():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        message = failure(f"127.0.0.1:{port}")
        assert f"127.0.0.1:{port}" in message
        assert "in use" in message


def test_the_port_of_another_server_of_ours():
    with Server("plain", cwd=APPS) as server:
        assert str(server.port) in failure(f"127.0.0.1:{server.port}")
        assert server.get("/hello").body == b"hello"


def test_one_of_several():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert str(port) in failure("127.0.0.1:0", f"127.0.0.1:{port}")


def test_a_missing_directory(tmp_path):
    assert f"{tmp_path}/missing" in failure(f"http+unix:{tmp_path}/missing/socket")


def test_a_path_that_is_too_long(tmp_path):
    """sun_path holds 108 bytes."""
    assert "long" in failure(f"http+unix:{tmp_path}/{'x' * 120}")


def test_a_file_where_a_directory_should_be(tmp_path):
    (tmp_path / "file").write_text("")
    assert f"{tmp_path}/file" in failure(f"http+unix:{tmp_path}/file/socket")


@pytest.mark.parametrize("address", ["192.0.2.1:8000", "[2001:db8::1]:8000"])
def test_an_address_of_somebody_else(address):
    assert address in failure(f"http://{address}")


def test_a_name_without_an_address():
    assert "no-such-host.invalid" in failure("no-such-host.invalid:8000")


def test_a_socket_that_was_created_before_the_failure_is_removed(tmp_path):
    """Two fronts, the second cannot be opened: the first leaves nothing behind."""
    failure(f"http+unix:{tmp_path}/first", f"http+unix:{tmp_path}/missing/second")
    assert not (tmp_path / "first").exists()
