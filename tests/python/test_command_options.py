"""The command line: help, mistakes and their messages, environment variables, exit codes (2: usage)."""

from __future__ import annotations

import re
import subprocess
import sysconfig
from pathlib import Path

import pytest
from server import APPS, PATIENCE, Server, command_environment, run_millau

OPTIONS = [
    "bind",
    "workers",
    "threads",
    "threads-min",
    "mount",
    "reload",
    "debug",
    "access-log",
    "access-log-format",
    "error-log",
    "log-level",
    "limit-head-size",
    "limit-target-size",
    "limit-fields",
    "limit-body-size",
    "limit-connections",
    "request-buffer",
    "response-buffer",
    "header-timeout",
    "body-timeout",
    "keep-alive-timeout",
    "send-timeout",
    "graceful-timeout",
]


def refused(*args, **more) -> str:
    """The message of a command that must end as a mistake of usage."""
    done = run_millau(*args, cwd=APPS, **more)
    assert done.returncode == 2, (done.returncode, done.stderr)
    assert "Traceback" not in done.stderr
    assert "panicked" not in done.stderr
    assert done.stdout == ""
    return done.stderr


# Help


def test_help_of_the_command():
    for args in (["--help"], ["-h"]):
        done = run_millau(*args)
        assert done.returncode == 0
        assert "serve" in done.stdout


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_is_in_the_help(option):
    done = run_millau("serve", "--help")
    assert done.returncode == 0
    assert re.search(rf"--{option}\b(?!-)", done.stdout)


def test_the_help_names_the_environment_variables():
    assert "MILLAU_" in run_millau("serve", "--help").stdout


def test_version():
    done = run_millau("--version")
    assert done.returncode == 0
    assert re.search(r"\d+\.\d+", done.stdout)


def test_without_a_subcommand_it_says_what_there_is():
    done = run_millau()
    assert done.returncode == 2
    assert "serve" in done.stderr


def test_without_a_target_it_says_what_is_missing():
    assert "TARGET" in refused("serve")


def test_the_script_and_the_module_are_the_same_command():
    script = Path(sysconfig.get_path("scripts"), "millau")
    args = {"capture_output": True, "text": True, "timeout": PATIENCE, "env": command_environment()}
    by_script = subprocess.run([script, "serve", "--help"], **args)
    assert by_script.returncode == 0
    assert by_script.stdout == run_millau("serve", "--help").stdout
    assert subprocess.run([script, "serve", "nothing_there"], **args).returncode == 3


# Mistakes


@pytest.mark.parametrize("option", ["chdir", "pythonpath"])
def test_a_directory_that_is_not_there(option):
    message = refused("serve", "plain", f"--{option}", "nope")
    assert f"millau: --{option}: cannot" in message and "'nope'" in message and message.count("\n") == 1


def test_directories_of_the_path_count_from_where_the_application_runs(tmp_path):
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "apart.py").write_text((APPS / "cases.py").read_text() + "\n\napp = Cases()\n")
    with Server("apart", "--chdir", str(tmp_path), "--pythonpath", "lib") as server:
        assert server.get("/").status == 404


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        (["serve", "plain", "--worker", "2"], "--workers"),
        (["serve", "plain", "--wrokers", "2"], "--workers"),
        (["serve", "plain", "--acces-log", "-"], "--access-log"),
        (["serve", "plain", "--limit-field", "20"], "--limit-fields"),
        (["serve", "plain", "--keepalive-timeout", "20"], "--keep-alive-timeout"),
        (["serv", "plain"], "serve"),
        (["serve", "plain", "--log-level", "warnin"], "warning"),
        (["serve", "plain", "--access-log-format", "jsn"], "json"),
        (["serve", "plain", "--bind", "htp://127.0.0.1:8000"], "http://"),
    ],
)
def test_did_you_mean(wrong, right):
    message = refused(*wrong)
    assert right in message


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--workers", "0"),
        ("--workers", "-1"),
        ("--workers", "many"),
        ("--workers", "1.5"),
        ("--workers", ""),
        ("--threads", "0"),
        ("--threads", "x"),
        ("--bind", ""),
        ("--bind", "nonsense"),
        ("--bind", "http://"),
        ("--bind", "http://127.0.0.1:99999"),
        ("--bind", "http://127.0.0.1:port"),
        ("--bind", "ftp://127.0.0.1:8000"),
        ("--bind", "http+unix:"),
        ("--bind", "http+fd:x"),
        ("--bind", "http://127.0.0.1:8000/path"),
        ("--mount", "app"),
        ("--mount", "/app"),
        ("--mount", "/app="),
        ("--mount", "app=plain"),
        ("--header-timeout", "soon"),
        ("--header-timeout", "-1"),
        ("--limit-body-size", "much"),
        ("--limit-head-size", "0"),
        ("--access-log-format", "nice"),
        ("--log-level", "loud"),
        ("--unix-mode", "999"),
    ],
)
def test_a_wrong_value_is_named_with_its_option(option, value):
    message = refused("serve", "plain", f"{option}={value}")
    assert option in message
    if value:
        assert value in message


def test_a_missing_value():
    assert "--workers" in refused("serve", "plain", "--workers")


def test_contradictions_are_refused():
    message = refused("serve", "plain", "--threads", "2", "--threads-min", "3")
    assert "--threads-min" in message


def test_two_mounts_at_one_path_are_refused():
    assert "/app" in refused("serve", "plain", "--mount", "/app=plain", "--mount", "/app/=told")


def test_control_characters_of_a_value_are_not_echoed():
    assert "\x1b[31m" not in refused("serve", "plain", "--bind", "\x1b[31mred")


# Environment variables


def test_settings_from_the_environment(tmp_path):
    env = {"MILLAU_BIND": f"127.0.0.1:0,http+unix:{tmp_path}/s", "MILLAU_WORKERS": "2", "MILLAU_THREADS": "1"}
    with Server("environs", cwd=APPS, env=env) as server:
        assert len(server.fronts) == 2
        assert len(server.workers()) == 2
        body = server.get().body
        assert b'"wsgi.multiprocess": true' in body
        assert b'"wsgi.multithread": false' in body


def test_the_command_line_wins_over_the_environment():
    with Server("plain", "--workers", "1", cwd=APPS, env={"MILLAU_WORKERS": "3"}) as server:
        assert len(server.workers()) == 1


def test_a_switch_in_the_environment():
    with Server("plain", cwd=APPS, env={"MILLAU_DEBUG": "true"}) as server:
        assert b"Traceback" in server.get("/fail").body
    with Server("plain", cwd=APPS, env={"MILLAU_DEBUG": "false"}) as server:
        assert b"Traceback" not in server.get("/fail").body


def test_mounts_in_the_environment():
    env = {"MILLAU_MOUNT": "/app=environs:mounted,/deep=environs:deeper"}
    with Server("environs", cwd=APPS, env=env) as server:
        assert b'"mounted"' in server.get("/app/x").body
        assert b'"deeper"' in server.get("/deep/x").body


def test_a_wrong_value_in_the_environment_is_named_with_its_variable():
    message = refused("serve", "plain", env={"MILLAU_WORKERS": "many"})
    assert "MILLAU_WORKERS" in message
    assert "many" in message


def test_an_unknown_variable_is_warned_about():
    """It stops nothing, since others may set variables for a newer version; but a typing error shows."""
    with Server("plain", cwd=APPS, env={"MILLAU_WROKERS": "2"}) as server:
        assert server.get("/hello").body == b"hello"
        assert "MILLAU_WORKERS" in server.wait_for_log("MILLAU_WROKERS")


# Units


@pytest.mark.parametrize("size", ["2k", "2K", "2048", "2KiB"])
def test_sizes_have_units(size):
    with Server("plain", "--limit-head-size", size, cwd=APPS) as server:
        assert server.get("/hello", [("X-A", "x" * 1500)]).status == 200
        assert server.get("/hello", [("X-A", "x" * 2500)]).status == 431


@pytest.mark.slow
@pytest.mark.parametrize("time", ["1", "1s", "1000ms"])
def test_times_have_units(time):
    with Server("plain", "--keep-alive-timeout", time, cwd=APPS) as server, server.client() as client:
        assert client.request(target="/hello").status == 200
        client.assert_closed()


# Messages


def test_the_messages_have_the_form_that_is_documented():
    with Server("plain", cwd=APPS) as server:
        server.get("/fail")
        server.wait_for_log("ERROR")
        log = server.log()
    form = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (DEBUG|INFO |WARN |ERROR) \[\d+\] \S.*|  .*")
    assert [line for line in log.splitlines() if not form.fullmatch(line)] == []
    assert re.search(r"INFO  \[\d+\] listening on http://127\.0\.0\.1:\d+$", log, re.M)
    assert re.search(r"INFO  \[\d+\] ready: generation 1, 1 worker, application plain$", log, re.M)


def test_the_log_level(tmp_path):
    """Only errors: neither the start nor the stop is mentioned."""
    path = tmp_path / "socket"
    arguments = ["--log-level", "error", "--bind", f"http+unix:{path}"]
    with Server("plain", *arguments, cwd=APPS, wait_for=None) as server:
        server.wait_until(path.exists, "the socket is there")
        front = f"http+unix:{path}"
        assert server.request(target="/hello", front=front).body == b"hello"
        assert server.log() == ""
        assert server.request(target="/fail", front=front).status == 500
        server.wait_for_log("on purpose")
        assert "INFO" not in server.log()


def test_the_error_log_in_a_file(tmp_path):
    path, log = tmp_path / "socket", tmp_path / "error.log"
    log.write_text("what was there before\n")
    arguments = ["--error-log", str(log), "--bind", f"http+unix:{path}"]
    with Server("plain", *arguments, cwd=APPS, wait_for=None) as server:
        server.wait_until(lambda: "ready: generation 1" in log.read_text(), "the file says that it is ready")
        assert server.request(target="/fail", front=f"http+unix:{path}").status == 500
        server.wait_until(lambda: "on purpose" in log.read_text(), "the traceback is in the file")
        assert "ready" not in server.log()
    assert log.read_text().startswith("what was there before\n")


def test_an_error_log_that_cannot_be_written(tmp_path):
    done = run_millau("serve", "plain", "--error-log", str(tmp_path / "missing" / "log"), cwd=APPS)
    assert done.returncode in (1, 2)
    assert str(tmp_path / "missing" / "log") in done.stderr
    assert "Traceback" not in done.stderr
