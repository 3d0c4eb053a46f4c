"""What all Python tests share: folders, markers, the gate, and the server's log beside a failure."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent

for folder in (HERE, HERE.parent / "apps_wsgi"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

from gate import Gate  # noqa: E402
from server import Server  # noqa: E402


def pytest_configure(config: pytest.Config) -> None:
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
