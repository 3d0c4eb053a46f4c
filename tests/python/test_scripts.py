"""scripts/packages.sh on a machine that lacks something, with the tools of Debian played by stand-ins."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ["build-essential", "python3-venv", "python3-dev"]
FRESH = {
    "cc": "exit 1",
    "c++": "exit 0",
    # Of a package, and without venv and headers.
    "python3": "exit 1",
    "dpkg-query": "exit 0",
    "apt-get": 'echo "apt-get $*" >>"$0.log"',
    "install": "cat >/dev/null",
    "rm": "exit 0",
    "id": "echo 1000",
    "sudo": "exit 1",
}


def require(folder: Path, **stand_ins: str) -> tuple[subprocess.CompletedProcess[str], str]:
    """What `require_build_packages` says, and what apt-get was told."""
    for name, text in (FRESH | {name.replace("_", "-"): text for name, text in stand_ins.items()}).items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    done = subprocess.run(
        ["/bin/sh", "-uc", ". scripts/setup.sh; . scripts/packages.sh; require_build_packages"],
        cwd=ROOT,
        env={"PATH": f"{folder}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    log = folder / "apt-get.log"
    return done, log.read_text() if log.exists() else ""


@pytest.mark.parametrize(
    "rights", [{"id": "echo 0"}, {"sudo": '[ "$1" != -n ] || shift; exec "$@"'}], ids=["root", "sudo"]
)
def test_what_building_needs_is_installed_where_that_needs_no_password(tmp_path, rights):
    done, told = require(tmp_path, **rights)
    assert (done.returncode, done.stderr) == (0, "")
    update, install = told.splitlines()
    assert update.startswith("apt-get update") and install.startswith("apt-get install")
    assert install.split()[-3:] == PACKAGES


def test_otherwise_one_line_says_what_and_how(tmp_path):
    done, told = require(tmp_path)
    assert (done.returncode, told) == (1, "")
    assert done.stderr == f"error: what building needs is missing: sudo apt install {' '.join(PACKAGES)}\n"


def test_what_is_there_is_left_alone(tmp_path):
    done, told = require(tmp_path, cc="exit 0", python3="exit 0")
    assert (done.returncode, done.stderr, told) == (0, "", "")


def test_an_interpreter_of_no_package_is_somebody_s_own(tmp_path):
    done, told = require(tmp_path, dpkg_query="exit 1")
    assert done.stderr == "error: what building needs is missing: sudo apt install build-essential\n"


def test_packages_that_cannot_be_had_are_named(tmp_path):
    done, _ = require(tmp_path, id="echo 0", apt_get="exit 100")
    assert done.returncode == 1
    assert done.stderr == f"error: these packages cannot be installed: {' '.join(PACKAGES)}\n"
