"""`millau doctor` on scripts, directories and applications: what it says, mends and runs."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from server import run_millau

GOOD = "#!/usr/bin/env python3\nprint('Content-Type: text/plain')\nprint()\nprint('hello')\n"
BREAKS = {
    "not-executable": (GOOD, 0o644),
    "carriage-returns": (GOOD.replace("\n", "\r\n"), 0o755),
    "byte-order-mark": ("\ufeff" + GOOD, 0o755),
    "no-shebang": (GOOD.partition("\n")[2], 0o755),
    "interpreter-missing": (GOOD.replace("/usr/bin/env python3", "/usr/local/bin/python2.3"), 0o755),
    "interpreter-relative": (GOOD.replace("/usr/bin/env python3", "python3"), 0o755),
    "interpreter-not-on-path": (GOOD.replace("python3", "python3.99"), 0o755),
    "env-arguments": (GOOD.replace("python3", "python3 -u"), 0o755),
    "shebang-not-first": ("\n\n" + GOOD, 0o755),
    "lone-carriage-returns": (GOOD.replace("\n", "\r"), 0o755),
    "setuid-bits": (GOOD, 0o4755),
    "writable-by-others": (GOOD, 0o757),
}
"""Problems that the doctor mends by itself, each as the only one of a script."""


TREES = ("publisher", "psp", "static", "cgi")
"""The targets that are directories."""


@pytest.fixture
def cgi_bin(tmp_path: Path) -> Path:
    for folder in (tmp_path, *tmp_path.parents):
        # pytest keeps its directories to itself.
        if folder.is_relative_to("/tmp") and folder != Path("/tmp"):
            folder.chmod(0o755)
    folder = tmp_path / "cgi-bin"
    folder.mkdir()
    return folder


def write(path: Path, text: str | bytes, mode: int = 0o755) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(mode)
    return path


def doctor(*args: object) -> subprocess.CompletedProcess[str]:
    """As somebody who has named whom scripts run as, and what is served."""
    user = "nobody" if os.geteuid() == 0 else str(os.geteuid())
    return run_millau("doctor", "--user", user, "--cgi-suffix", ".py", "--cgi-suffix", ".sh", *map(str, args))


def problems(report: str) -> list[str]:
    return [line.rpartition("[")[2].rstrip("]") for line in report.splitlines() if line.endswith("]")]


def test_a_good_script_is_told_so(cgi_bin):
    done = doctor(write(cgi_bin / "good.py", GOOD))
    assert (done.returncode, problems(done.stdout)) == (0, [])
    assert "1 script" in done.stdout and "nothing is wrong (looked at, not run" in done.stdout


@pytest.mark.parametrize("problem", BREAKS)
def test_a_problem_is_named_shown_mended_and_gone(cgi_bin, problem):
    text, mode = BREAKS[problem]
    script = write(cgi_bin / "hello.py", text, mode)
    before = script.read_bytes(), script.stat().st_mode

    told = doctor(script)
    assert problem in problems(told.stdout)
    assert (script.read_bytes(), script.stat().st_mode) == before, "looking changes nothing"
    for line in ("  where: ", "  why:   ", "  mend:  "):
        assert told.stdout.count(f"\n{line}") == len(problems(told.stdout))

    mended = doctor("--fix", script)
    assert mended.returncode == 0
    assert "\n  done\n" in mended.stdout
    after = doctor("--run", script)
    assert (after.returncode, problems(after.stdout)) == (0, [])
    assert "it answered: status 200, text/plain, 6 bytes" in after.stdout


def run_commands_of(report: str) -> None:
    for line in report.splitlines():
        if line.startswith("  mend:  "):
            subprocess.run(["sh", "-c", line.removeprefix("  mend:  ")], check=True)


@pytest.mark.parametrize("problem", BREAKS)
def test_the_command_that_is_shown_mends_as_well(cgi_bin, problem):
    text, mode = BREAKS[problem]
    script = write(cgi_bin / "hello.py", text, mode)
    run_commands_of(doctor(script).stdout)
    after = doctor("--run", script)
    assert (after.returncode, problems(after.stdout)) == (0, [])


LATIN = (GOOD + "# Gr\u00fc\u00dfe\n").encode("cp1252")
SEVERAL = {
    "no-shebang source-encoding": LATIN.partition(b"\n")[2],
    "no-shebang source-encoding carriage-returns": LATIN.partition(b"\n")[2].replace(b"\n", b"\r\n"),
    "shebang-not-first source-encoding": b"\n" + LATIN,
    "interpreter-missing source-encoding": LATIN.replace(b"/usr/bin/env python3", b"/usr/local/bin/python2.3"),
    "byte-order-mark carriage-returns interpreter-missing": ("\ufeff" + BREAKS["interpreter-missing"][0])
    .replace("\n", "\r\n")
    .encode(),
}
"""Problems whose mends touch the same lines."""


@pytest.mark.parametrize("several", SEVERAL)
def test_commands_that_are_run_in_order_mend_everything_as_fix_does(cgi_bin, several):
    by_hand = write(cgi_bin / "hello.py", SEVERAL[several], 0o644)
    told = doctor(by_hand)
    assert problems(told.stdout) == ["not-executable", *several.split()]
    run_commands_of(told.stdout)
    after = doctor("--run", by_hand)
    assert (after.returncode, problems(after.stdout)) == (0, [])

    by_fix = write(cgi_bin / "fixed.py", SEVERAL[several], 0o644)
    assert doctor("--fix", by_fix).returncode == 0
    assert by_fix.read_bytes() == by_hand.read_bytes()
    again = doctor("--fix", by_fix)
    assert (again.returncode, problems(again.stdout)) == (0, [])
    assert by_fix.read_bytes() == by_hand.read_bytes()


def test_directories_above_and_the_file_are_opened_for_the_serving_user(cgi_bin):
    if os.geteuid() != 0:
        pytest.skip("only root may look as another user")
    script = write(cgi_bin / "hello.py", GOOD, 0o700)
    cgi_bin.chmod(0o700)
    cgi_bin.parent.chmod(0o700)
    assert problems(doctor(script).stdout) == ["directory-closed", "directory-closed", "not-executable", "not-readable"]
    assert doctor("--fix", script).returncode == 0
    assert stat.S_IMODE(cgi_bin.stat().st_mode) == 0o701
    assert "status 200" in doctor("--run", script).stdout


def test_what_is_not_on_the_list_of_safe_mends_is_shown_and_left(cgi_bin):
    text = "#!/usr/bin/env python3\nprint 'Content-Type: text/plain'\nprint\nimport no_such_module_here\n"
    script = write(cgi_bin / "old.py", text)
    done = doctor("--fix", "--run", script)
    assert done.returncode == 1
    assert problems(done.stdout) == ["python-2", "module-missing"]
    assert script.read_text() == text
    assert "not run, for it could not answer" in done.stdout
    assert "pip install no_such_module_here" in done.stdout


def test_what_could_not_be_written_is_not_told_to_be_done(cgi_bin):
    text = "\ufeff#!/usr/local/bin/python2.3\r\nprint 'Content-Type: text/plain'\r\n"
    script = write(cgi_bin / "old.py", text)
    command = [sys.executable, "-m", "millau", "doctor", "--fix", "--cgi-suffix", ".py", str(script)]
    if os.geteuid() == 0:
        read_only = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'
        prefix = ["unshare", "-m", "sh", "-c", read_only, str(cgi_bin)]
        if subprocess.run([*prefix, "true"], capture_output=True).returncode:
            pytest.skip("nothing may be mounted here")
        command = [*prefix, *command]
    else:
        cgi_bin.chmod(0o555)
    done = subprocess.run(command, capture_output=True, text=True)
    cgi_bin.chmod(0o755)
    assert done.returncode == 1
    for problem in ("byte-order-mark", "carriage-returns", "interpreter-missing", "python-2"):
        assert problems(done.stdout).count(problem) == 1, done.stdout
    assert done.stdout.count("\n  not done: ") == 3
    assert "\n  done" not in done.stdout and "mended" not in done.stdout.splitlines()[-1]
    assert script.read_bytes() == text.encode()


def test_a_module_that_left_the_standard_library(cgi_bin):
    script = write(cgi_bin / "form.py", f"#!{sys.executable}\nimport cgi\n")
    script.parent.parent.chmod(0o755)
    done = run_millau("doctor", "--cgi-suffix", ".py", str(script))
    assert "module-gone" in problems(done.stdout)
    assert "pip install legacy-cgi" in done.stdout


def test_without_run_nothing_runs(cgi_bin):
    script = write(cgi_bin / "trap.py", "#!/usr/bin/env python3\nopen('ran', 'w')\nimport beside\n")
    write(cgi_bin / "beside.py", "open('ran', 'w')\n", 0o644)
    cgi_bin.chmod(0o777)
    doctor("--fix", script)
    assert not (cgi_bin / "ran").exists()
    doctor("--run", script)
    assert (cgi_bin / "ran").exists()


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("print('<h1>hello</h1>')", "output-before-header"),
        ("print('Content-Type: text/html')\nprint('<h1>hello</h1>')", "no-blank-line"),
        ("print('Status: 200 OK\\n\\nhello')", "no-content-type"),
        ("pass", "no-output"),
        ("print('Content-Type: text/html\\n', flush=True)\nraise ValueError('late')", "exception"),
        ("import time; time.sleep(600)", "timed-out"),
        ("import os; os.abort()", "crashed"),
    ],
)
def test_what_only_an_answer_shows(cgi_bin, body, problem):
    script = write(cgi_bin / "hello.py", f"#!/usr/bin/env python3\n{body}\n")
    done = doctor("--run", "--time-limit", "2" if problem == "timed-out" else "20", script)
    assert done.returncode == 1
    assert problem in problems(done.stdout)


def test_the_scripts_of_a_directory_are_found_and_others_are_not_taken_for_them(cgi_bin):
    write(cgi_bin / "good.py", GOOD)
    write(cgi_bin / "bad.py", GOOD, 0o644)
    write(cgi_bin / "run.sh", "#!/bin/sh\r\necho\r\n")
    write(cgi_bin / "module.py", "def helper():\n    pass\n", 0o644)
    write(cgi_bin / "data.txt", "x", 0o644)
    done = doctor(cgi_bin)
    assert problems(done.stdout) == ["not-executable", "carriage-returns"]
    assert "3 scripts, as " in done.stdout
    assert "taken for modules, not for scripts: module.py" in done.stdout
    assert doctor("--fix", cgi_bin).returncode == 0


def test_where_nothing_says_what_is_served_custom_does_or_the_configuration(tmp_path):
    script = write(tmp_path / "hello.py", GOOD)
    done = run_millau("doctor", "--cgi-suffix", ".cgi", str(script))
    assert "not-served-as-cgi" in problems(done.stdout)
    assert "millau serve cgi:" in done.stdout and "ScriptAlias" in done.stdout
    assert "not-served-as-cgi" not in problems(
        run_millau("doctor", "--cgi-directory", str(tmp_path), str(script)).stdout
    )


def test_a_script_that_is_not_there(tmp_path):
    done = doctor(tmp_path / "hello.py")
    assert (done.returncode, problems(done.stdout)) == (1, ["not-found"])


@pytest.mark.parametrize("kind", ["a FIFO", "a socket", "a device"])
@pytest.mark.parametrize("name", ["a.py", "a.cgi"])
def test_what_is_no_regular_file_is_not_opened(tmp_path, kind, name):
    path = tmp_path / name
    if kind == "a FIFO":
        os.mkfifo(path)
    elif kind == "a socket":
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
    else:
        path.symlink_to("/dev/zero")
    for subject in (str(path), f"cgi:{path}"):
        done = doctor(subject)
        assert (done.returncode, problems(done.stdout)) == (1, ["no-script"])
        assert f"this is {kind}, not a regular file" in done.stdout
    assert doctor(tmp_path).returncode == 0


def test_root_is_to_say_whom_a_script_runs_as(cgi_bin):
    script = write(cgi_bin / "hello.py", GOOD)
    done = run_millau("doctor", "--run", str(script))
    if os.geteuid() == 0:
        assert done.returncode == 2
        assert "--user www-data" in done.stderr
    else:
        assert done.returncode == 0


def test_a_user_that_does_not_exist(cgi_bin):
    done = run_millau("doctor", "--user", "no-such-user", str(cgi_bin))
    assert (done.returncode, done.stderr) == (2, "millau: --user: there is no user 'no-such-user' on this machine\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def application(environ, start_response): pass\n", "it can be imported and called"),
        ("import no_such_module_here\ndef application(e, s): pass\n", "ModuleNotFoundError"),
        ("application = 5\n", "cannot be called"),
    ],
)
def test_an_application_gets_the_message_of_serve(tmp_path, text, said):
    write(tmp_path / "shop_wsgi.py", text, 0o644)
    done = run_millau("doctor", "shop_wsgi", cwd=tmp_path)
    assert said in done.stdout
    assert done.returncode == (0 if "can be imported and" in said else 1)
    served = run_millau("serve", "shop_wsgi", "--bind", "127.0.0.1:0", cwd=tmp_path) if done.returncode else None
    if served:
        message = done.stdout.removeprefix("error: ").splitlines()[0]
        assert message in served.stderr
    by_file = run_millau("doctor", str(tmp_path / "shop_wsgi.py"), cwd=tmp_path)
    assert said in by_file.stdout


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("publisher:pages", "a module in it is imported when it is asked for"),
        ("publisher:pages/plain.py", "is imported when it is asked for"),
        ("psp:pages", "a page in it is compiled when it is asked for"),
        ("handler:pages/plain.py", "it can be imported and called"),
        ("static:pages", "the directory can be opened"),
        ("handler:pages/plain.py:other", "the module has no 'other'"),
        ("handler:", "no module is named"),
        *(
            (f"{kind}:{path}", f"there is no directory '{path}'")
            for kind in TREES
            for path in ("", "none", "none/deep")
        ),
    ],
)
def test_every_target_of_serve_is_loaded_as_serve_does(tmp_path, target, said):
    (tmp_path / "pages").mkdir()
    write(tmp_path / "pages/plain.py", "def handler(req):\n    return 0\n", 0o644)
    done = run_millau("doctor", target, cwd=tmp_path)
    is_well = "to serve it: millau serve " in done.stdout
    assert (said in done.stdout, done.returncode) == (True, 0 if is_well else 1), done.stdout
    if not is_well:
        served = run_millau("serve", target, "--bind", "127.0.0.1:0", cwd=tmp_path)
        assert done.stdout.removeprefix("error: ").splitlines()[0] in served.stderr


def test_a_project_is_told_from_a_directory_of_scripts(tmp_path):
    package = tmp_path / "mysite"
    package.mkdir()
    (package / "__init__.py").touch()
    write(package / "wsgi.py", "def application(environ, start_response): pass\n", 0o644)
    write(tmp_path / "manage.py", GOOD)
    done = run_millau("doctor", ".", cwd=tmp_path)
    assert done.returncode == 0
    assert "millau serve mysite.wsgi" in done.stdout


def test_a_name_of_a_file_cannot_command_the_terminal(cgi_bin):
    done = doctor(write(cgi_bin / "a\x1b[2Jb.py", GOOD, 0o644))
    assert "\x1b" not in done.stdout


def test_the_help_names_every_option_and_exit_code():
    done = doctor("--help")
    assert (done.returncode, done.stderr) == (0, "")
    options = ["--fix", "--run", "--time-limit", "--user", "--path", "--cgi-directory", "--cgi-suffix", "--token"]
    for option in options:
        assert f" {option}" in done.stdout, option
    assert "Exit code: 0 no error is left, 1 one is, 2 it cannot be asked so." in " ".join(done.stdout.split())


def test_a_warning_alone_is_no_failure(cgi_bin):
    done = doctor(write(cgi_bin / "hello.py", GOOD, 0o757))
    assert (done.returncode, problems(done.stdout)) == (0, ["writable-by-others"]), done.stdout


@pytest.mark.parametrize("arguments", [[""], ["--no-such-option", "x"], ["--time-limit", "never", "x"]])
def test_what_cannot_be_asked_ends_with_2(arguments):
    done = doctor(*arguments)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
