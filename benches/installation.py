"""Brings the benchmark's virtual environment up to date: system packages, peers, Millau, load generator."""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

BENCHES = Path(__file__).resolve().parent
ROOT = BENCHES.parent
VENV = BENCHES / ".peers"
REQUIREMENTS = BENCHES / "requirements.txt"
GENERATOR = BENCHES / "load" / "target" / "release" / "millau-load"

SYSTEM_PACKAGES = {
    "gcc": "the peers that are built from source",
    "libev-dev": "bjoern",
    "apache2-dev": "mod_wsgi",
    "apache2-bin": "the workload behind Apache",
    "nginx": "the workloads behind nginx",
    "python3-venv": "the virtual environment",
}


class Failure(Exception):
    """The benchmark cannot go on; the text says why and what to do."""


def install_system_packages() -> None:
    """Installs the Debian packages that are missing, or says which they are."""
    wanted = dict(SYSTEM_PACKAGES)
    if not (Path(sysconfig.get_path("include")) / "Python.h").exists():
        wanted["python3-dev"] = "the peers that are built from source"
    if not sys.executable.startswith("/usr/bin/"):
        del wanted["python3-venv"]
    if not shutil.which("dpkg-query"):
        print(f"not a Debian system: the equivalents of {', '.join(wanted)} are taken to be there")
        return
    listing = subprocess.run(
        ["dpkg-query", "--show", "--showformat", "${Package} ${db:Status-Status}\n", *wanted],
        capture_output=True,
        text=True,
    ).stdout
    missing = [name for name in wanted if f"{name} installed\n" not in listing]
    if not missing:
        return
    command = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *missing]
    if os.geteuid() != 0:
        for name in missing:
            print(f"missing: the package {name} (for {wanted[name]}); as root: {' '.join(command)}")
        return
    print(f"installing the system packages {', '.join(missing)}", flush=True)
    subprocess.run(["apt-get", "update", "--quiet"], stdout=subprocess.DEVNULL)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    if subprocess.run(command, stdout=subprocess.DEVNULL, env=environment).returncode:
        print("apt-get failed; the peers that need these packages will be left out")


def requirements() -> dict[str, str]:
    """The pinned packages that are wanted for themselves: name to version."""
    own = REQUIREMENTS.read_text().split("\n# What the packages above depend on.")[0]
    return dict(re.findall(r"^([a-z_]+)==(\S+)", own, re.MULTILINE))


def pip(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Runs the virtual environment's pip, held to the pinned versions."""
    command = [VENV / "bin" / "python", "-m", "pip", *arguments]
    quiet = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_ROOT_USER_ACTION": "ignore"}
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **quiet})


def installed() -> dict[str, str]:
    """What is in the virtual environment: name to version."""
    packages = json.loads(pip("list", "--format", "json").stdout)
    return {package["name"].lower().replace("-", "_"): package["version"] for package in packages}


def install_peers() -> dict[str, str]:
    """Installs the pinned packages one by one; returns the reasons of those that could not be: name to text."""
    if not (VENV / "bin" / "python").exists():
        print(f"making the virtual environment {VENV.relative_to(ROOT)}", flush=True)
        if subprocess.run([sys.executable, "-m", "venv", VENV]).returncode:
            raise Failure("python3 -m venv failed; on Debian and Ubuntu it needs the package python3-venv")
    present = installed()
    failed = {}
    for name, version in requirements().items():
        if present.get(name) == version:
            continue
        print(f"installing {name} {version}", flush=True)
        done = pip("install", "--constraint", REQUIREMENTS, f"{name}=={version}")
        if done.returncode:
            log = VENV / f"failed-{name}.log"
            log.write_text(done.stdout + done.stderr)
            errors = [line.strip() for line in done.stderr.splitlines() if "error" in line.lower()]
            reason = errors[0] if errors else "pip failed"
            failed[name] = f"not installed: {reason} (all of it in {log.relative_to(ROOT)})"
    return failed


def build_generator() -> None:
    """Builds the load generator."""
    if not shutil.which("cargo"):
        raise Failure("cargo is missing: the load generator and Millau need stable Rust")
    crate = BENCHES / "load"
    # Its own target, whatever the surroundings say: it is no member of the workspace.
    command = ["cargo", "build", "--release", "--quiet", "--locked", "--target-dir", str(crate / "target")]
    if subprocess.run(command, cwd=crate).returncode:
        raise Failure("the load generator could not be built")


def build_millau() -> str | None:
    """Builds Millau from this checkout in release mode and installs the wheel; returns the reason when it cannot be."""
    wheels = VENV / "wheels"
    shutil.rmtree(wheels, ignore_errors=True)
    print("building Millau in release mode", flush=True)
    programs = VENV / "bin"
    manifest = ROOT / "crates" / "python" / "Cargo.toml"
    command = [programs / "maturin", "build", "--release", "--manifest-path", manifest, "--out", wheels]
    command += ["--interpreter", programs / "python"]
    log = VENV / "failed-millau.log"
    with log.open("wb") as output:
        if subprocess.run(list(map(str, command)), cwd=ROOT, stdout=output, stderr=subprocess.STDOUT).returncode:
            return f"not built: see {log.relative_to(ROOT)}"
    # A wheel rather than an editable install: what is measured does not change under the benchmark.
    done = pip("install", "--force-reinstall", "--no-deps", *wheels.glob("millau-*.whl"))
    return f"built, but not installed: {done.stderr}" if done.returncode else None
