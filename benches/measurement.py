"""One measurement: a fresh server, its answer checked, the load, and what it cost."""

import http.client
import json
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from installation import GENERATOR, VENV
from process_tree import Memory, ProcessTree, core_busy_seconds
from server import Place, Server
from workloads import Request, Workload

APPS = Path(__file__).resolve().parent / "apps"
DATABASE = VENV / "django.sqlite3"
READY_DEADLINE = 30.0
FILLER = b"x"
"""What request bodies are made of, here and in the load generator."""


class ServerFailure(Exception):
    """The server did not start or did not answer as it should."""


@dataclass(frozen=True)
class Plan:
    """What all measurements of a run have in common."""

    seconds: float
    warm_up: float
    server_core: int
    client_core: int


class Bodies:
    """The right body of each request, made once by the application itself under wsgiref."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, Request], bytes] = {}

    def of(self, workload: Workload, request: Request) -> bytes:
        """The body that a right response to this request has."""
        key = (workload.module, request)
        if key not in self._known:
            self._known[key] = subprocess.run(
                [VENV / "bin" / "python", "reference.py", workload.module, request.method, request.path],
                cwd=APPS,
                env=environment(),
                input=FILLER * (request.body or 0),
                stdout=subprocess.PIPE,
                check=True,
            ).stdout
        return self._known[key]


def environment() -> dict[str, str]:
    """The environment that every server gets."""
    kept = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ}
    return {
        **kept,
        "PATH": f"{VENV / 'bin'}:{os.environ.get('PATH', os.defpath)}",
        "PYTHONPATH": str(APPS),
        "VIRTUAL_ENV": str(VENV),
        "BENCH_DATABASE": str(DATABASE),
    }


def prepare_database() -> None:
    """Makes the Django site's database anew."""
    DATABASE.unlink(missing_ok=True)
    subprocess.run([VENV / "bin" / "python", "-m", "django_site.prepare"], cwd=APPS, env=environment(), check=True)


def allow_many_descriptors() -> None:
    """Raises the limit of open files for this process and all that it starts, as far as the system lets it."""
    wanted = 20_000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        if hard < wanted and os.geteuid() == 0:
            hard = wanted
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))


def free_ports(count: int) -> list[int]:
    """Ports on the loopback address that nothing listens on."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def measure(workload: Workload, server: Server, plan: Plan, bodies: Bodies) -> dict[str, Any]:
    """Runs one server once on one workload and returns the figures; ServerFailure says what went wrong."""
    with tempfile.TemporaryDirectory(prefix="millau-bench-") as scratch_name:
        scratch = Path(scratch_name)
        # Apache changes its account.
        scratch.chmod(0o755)
        port, backend_port = free_ports(2)
        idle = workload.kind == "idle"
        place = Place(VENV, APPS, scratch, workload.module, port, workload.threads, idle, backend_port, workload.unix)
        log = scratch / "server.log"
        with ProcessTree(server.command(place), {plan.server_core}, APPS, environment(), log) as tree:
            try:
                wait_until_right(tree, port, workload, bodies)
                if workload.kind == "memory":
                    return measure_memory(tree, port, workload)
                return measure_load(tree, port, workload, plan, bodies, server.front)
            except (OSError, http.client.HTTPException, ServerFailure) as error:
                raise ServerFailure(f"{error}\ncommand: {' '.join(tree.command)}\n{tree.last_words()}") from error


def wait_until_right(tree: ProcessTree, port: int, workload: Workload, bodies: Bodies) -> None:
    """Waits until the server answers, then checks every request of the workload once."""
    deadline = time.monotonic() + READY_DEADLINE
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                break
        except OSError:
            if tree.ended() is not None:
                raise ServerFailure(f"ended at its start with {tree.ended()}") from None
            if time.monotonic() > deadline:
                raise ServerFailure(f"does not listen after {READY_DEADLINE:.0f} s") from None
            time.sleep(0.05)
    for request in workload.requests:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=READY_DEADLINE)
        status, body = ask(connection, request)
        connection.close()
        if status != 200 or body != bodies.of(workload, request):
            raise ServerFailure(f"answers {request.method} {request.path} with {status} and {body[:60]!r}")


def ask(connection: http.client.HTTPConnection, request: Request) -> tuple[int, bytes]:
    """Sends one request and reads the response."""
    connection.request(request.method, request.path, FILLER * request.body if request.body else None)
    response = connection.getresponse()
    return response.status, response.read()


def ask_in_turn(port: int, request: Request, count: int) -> None:
    """Sends requests one after another over one connection, as far as the server keeps it."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=READY_DEADLINE)
    for _ in range(count):
        ask(connection, request)
    connection.close()


def measure_memory(tree: ProcessTree, port: int, workload: Workload) -> dict[str, Any]:
    """Memory of the tree after 100 requests."""
    ask_in_turn(port, workload.requests[0], 100)
    time.sleep(1)
    return {"memory": asdict(tree.memory())}


def measure_load(
    tree: ProcessTree, port: int, workload: Workload, plan: Plan, bodies: Bodies, front: str | None
) -> dict[str, Any]:
    """Puts the load on and takes the processor time of the measured window only."""
    command = generator_command(port, workload, plan, bodies)
    before = settled_memory(tree, port, workload) if workload.idle else None
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, {plan.client_core}),
    ) as generator:
        try:
            return follow(generator, tree, plan, before, front)
        finally:
            generator.kill()


def settled_memory(tree: ProcessTree, port: int, workload: Workload) -> Memory:
    """Memory before the idle connections: after some requests, so that lazy imports and first buffers are in it."""
    ask_in_turn(port, workload.requests[0], 100)
    time.sleep(0.5)
    return tree.memory()


def generator_command(port: int, workload: Workload, plan: Plan, bodies: Bodies) -> list[str]:
    """The load generator's command line for a workload."""
    # fmt: off
    command = [
        str(GENERATOR), "--address", f"127.0.0.1:{port}", "--connections", str(workload.connections),
        "--duration", str(plan.seconds), "--warm-up", str(plan.warm_up),
    ]
    # fmt: on
    if workload.close:
        command.append("--close")
    if workload.idle:
        command += ["--idle", str(workload.idle), "--gate"]
    for request in workload.requests:
        pairs = {
            "name": request.name,
            "method": request.method,
            "path": request.path,
            "weight": request.weight,
            "length": len(bodies.of(workload, request)),
            "body": request.body,
            "other": request.other,
        }
        command += ["--request", ",".join(f"{key}={value}" for key, value in pairs.items() if value is not None)]
    return command


def follow(
    generator: subprocess.Popen[str], tree: ProcessTree, plan: Plan, before: Memory | None, front: str | None
) -> dict[str, Any]:
    """Reads the generator's phases and samples the server at each."""
    result: dict[str, Any] = {}
    server_begin = front_begin = core_begin = 0.0
    assert generator.stdin and generator.stdout
    for line in generator.stdout:
        report = json.loads(line)
        if report["phase"] == "idle":
            time.sleep(0.5)
            assert before
            result["memory_before"], result["memory_idle"] = asdict(before), asdict(tree.memory())
            result["idle_opened"] = report["opened"]
            generator.stdin.write("\n")
            generator.stdin.flush()
        elif report["phase"] == "measure":
            server_begin, core_begin = tree.processor_seconds(), core_busy_seconds(plan.server_core)
            front_begin = tree.processor_seconds(front) if front else 0.0
        elif report["phase"] == "done":
            used = tree.processor_seconds() - server_begin
            front_used = tree.processor_seconds(front) - front_begin if front else None
            others = core_busy_seconds(plan.server_core) - core_begin - used
            del report["phase"]
            result |= report
            result["processor_seconds"] = used
            result["core_used_by_others"] = max(0.0, others / report["seconds"])
            result["memory"] = asdict(tree.memory())
            if report["requests"]:
                result["cpu_us"] = used / report["requests"] * 1e6
                if front_used is not None:
                    result["front_us"] = front_used / report["requests"] * 1e6
    if tree.ended() is not None:
        raise ServerFailure(f"ended under load with {tree.ended()}")
    if "cpu_us" not in result:
        idle = f" beside {result['idle_opened']} idle connections" if "idle_opened" in result else ""
        raise ServerFailure(f"no request was answered rightly under load{idle}; faults: {result.get('faults')}")
    return result


def warn_about_cores(plan: Plan) -> None:
    """Says so when server and client cannot have a core each."""
    usable = os.sched_getaffinity(0)
    if not {plan.server_core, plan.client_core} <= usable or plan.server_core == plan.client_core:
        print("server and load generator share a core here: only the processor time means something", file=sys.stderr)
