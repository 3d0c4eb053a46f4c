"""millau config: what it prints, what it refuses, and what the front servers themselves say of it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from front_server import program
from server import run_millau

SERVERS = ["nginx", "apache", "lighttpd"]


@pytest.mark.parametrize("server", SERVERS)
def test_it_prints_a_configuration_that_says_how_to_start_millau(server):
    printed = run_millau("config", server, "--mount", "/shop", "--bind", "scgi://127.0.0.1:4000")
    assert (printed.returncode, printed.stderr) == (0, "")
    assert "# Millau: millau serve --mount /shop=TARGET --bind scgi://127.0.0.1:4000" in printed.stdout
    assert "/shop" in printed.stdout and "4000" in printed.stdout


@pytest.mark.parametrize("server", SERVERS)
def test_the_front_server_checks_it(server):
    if program(server) is None:
        pytest.skip(f"{server} is not installed")
    printed = run_millau("config", server, "--listen", "127.0.0.1:8081", "--check")
    assert printed.returncode == 0, printed.stderr
    assert "finds nothing wrong with this configuration" in printed.stderr
    assert printed.stdout


def test_what_the_front_server_refuses_is_told_in_its_own_words(tmp_path):
    if program("apache") is None:
        pytest.skip("apache is not installed")
    absent = str(tmp_path / "absent" / "static")
    printed = run_millau("config", "apache", "--complete", absent, "--check")
    assert printed.returncode == 1
    assert printed.stderr.startswith("millau: --check: the front server refuses the configuration: ")
    assert "ServerRoot must be a valid directory" in printed.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no front server is named"),
        (["ngnix"], "did you mean 'nginx'?"),
        (["nginx", "--bind", "ajp://127.0.0.1:1"], "nginx does not speak AJP"),
        (["apache", "--mount", "shop"], "the path must start with '/'"),
        (["nginx", "--mount", "/a=b"], "without what is served there: write --mount /a"),
        (["nginx", "--static", "/x=/tmp", "--static", "/x=/var"], "'/x' is given twice"),
        (["apache", "--bind", "fastcgi+unix:/tmp/a|b.sock"], "Apache cannot name a socket with '|' in its path"),
    ],
)
def test_what_cannot_be_is_one_line_and_exit_code_2(arguments, message):
    printed = run_millau("config", *arguments)
    assert (printed.returncode, printed.stdout) == (2, "")
    assert message in printed.stderr and printed.stderr.count("\n") == 1


def test_the_secret_of_ajp_is_in_the_variable_that_serve_reads():
    env = {"MILLAU_AJP_SECRET": "of-both"}
    ajp = ["config", "apache", "--bind", "ajp://127.0.0.1:8009"]
    assert '"secret=of-both"' in run_millau(*ajp, env=env).stdout
    assert '"secret=another"' in run_millau(*ajp, "--ajp-secret", "another", env=env).stdout
    assert "secret" not in run_millau(*ajp, env={"MILLAU_AJP_SECRET": ""}).stdout
    assert "secret" not in run_millau("config", "apache", env=env).stdout
    bad = run_millau(*ajp, env={"MILLAU_AJP_SECRET": "a;b"})
    assert (bad.returncode, bad.stdout) == (2, "") and bad.stderr.startswith("MILLAU_AJP_SECRET 'a;b': ")
    lighttpd = run_millau("config", "lighttpd", "--bind", "ajp://127.0.0.1:8009", env=env)
    assert lighttpd.returncode == 2 and "leave --ajp-secret (MILLAU_AJP_SECRET) out" in lighttpd.stderr


def test_lighttpd_takes_it_beside_its_distribution_s_own_file(tmp_path):
    """Which sets some of the same variables."""
    own = Path("/etc/lighttpd/lighttpd.conf")
    if program("lighttpd") is None or not own.exists():
        pytest.skip("lighttpd is not installed, or not from Debian")
    for bind in ("http://127.0.0.1:8000", "fastcgi+unix:/run/millau/millau.sock"):
        printed = run_millau("config", "lighttpd", "--bind", bind, "--static", "/static=/srv/static")
        file = tmp_path / "lighttpd.conf"
        file.write_text(f'include "{own}"\n{printed.stdout}')
        checked = subprocess.run([program("lighttpd"), "-tt", "-f", str(file)], capture_output=True, text=True)
        assert (checked.returncode, checked.stderr) == (0, "")
