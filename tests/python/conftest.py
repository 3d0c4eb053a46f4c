"""What all Python tests share: folders, markers, the gate, and the server's log beside a failure."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest

HERE = Path(__file__).resolve().parent

for folder in (HERE, HERE.parent / "apps_wsgi"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

from front_server import (  # noqa: E402
    ABSENT,
    OVER_UNIX,
    PAIRS,
    Backend,
    FrontServer,
    program,
    running_backend,
    start_front_server,
)
from gate import Gate  # noqa: E402
from server import Server  # noqa: E402


def end_in_order(number: int, frame: FrameType | None) -> None:
    """End the run as Ctrl-C does: whatever has started a server stops it. Without that, servers would outlive the run,
    for they lead sessions of their own."""
    # Told again, it goes on with stopping.
    signal.signal(signal.SIGTERM, lambda *_: None)
    raise KeyboardInterrupt


def pytest_configure(config: pytest.Config) -> None:
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, end_in_order)
    config.addinivalue_line("markers", "slow: takes seconds, because a time limit of the server has to pass")
    config.addinivalue_line("markers", "load: many clients at once; bounded")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo) -> Iterator[None]:
    """A failed test shows the log of every server that was running."""
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for server in Server.running:
            report.sections.append((f"log of {' '.join(server.command[3:])}", server.log()[-4_000:]))
        for front in FrontServer.running:
            report.sections.append((f"log of {front.pair}", front.log()))


@pytest.fixture(scope="module")
def module_gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.close()


@pytest.fixture
def gate() -> Iterator[Gate]:
    """A gate for one test; its server needs `env=gate.environment`."""
    gate = Gate()
    yield gate
    gate.close()


# The front servers, each started once for all tests that go through it.


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "front" in metafunc.fixturenames:
        chosen = [(pair, mount) for pair in [*PAIRS, *OVER_UNIX] if pair.way not in ABSENT for mount in ("", "/m")]
        if not metafunc.module.__name__.endswith("environ"):
            # An interpreter starts for each request there: what does not depend on the path is asked once.
            chosen = [(pair, mount) for pair, mount in chosen if pair.way != "cgi" or not mount]
        over = {pair: f" over {pair.carrier}" for pair in OVER_UNIX}
        ids = [f"{pair}{over.get(pair, '')}{' below ' + mount if mount else ''}" for pair, mount in chosen]
        metafunc.parametrize("front", chosen, ids=ids, indirect=True, scope="session")


@pytest.fixture(scope="session")
def backend() -> Iterator[Backend]:
    with running_backend() as backend:
        yield backend


@pytest.fixture(scope="session")
def front(request: pytest.FixtureRequest, backend: Backend) -> Iterator[FrontServer]:
    """A front server with Millau behind it, set up with what `millau config` prints."""
    pair, mount = request.param
    if program(pair.server) is None:
        if os.environ.get("INTEROP_REQUIRED"):
            pytest.fail(f"{pair.server} is not installed, and INTEROP_REQUIRED asks for it")
        pytest.skip(f"{pair.server} is not installed")
    front = start_front_server(pair, mount, backend)
    FrontServer.running.append(front)
    yield front
    FrontServer.running.remove(front)
    front.stop()


@pytest.fixture
def front_gate(backend: Backend) -> Iterator[Gate]:
    """The gate of what runs behind the front servers."""
    backend.place.gate.forget()
    yield backend.place.gate
    backend.place.gate.forget()
