"""The same visits to an application behind the reference server and behind Millau, and whether the answers agree.

A test module declares a hosted system as a subclass of `AnswersAsReference`: how its instance is prepared, its
target, and flows, which are lists of `Step`s. Every step is one test for each of two servers, Millau with the
application and Millau with the application inside `wsgiref.validate`; it fails where the answer differs from the
reference's, or from what the step itself expects, so that two servers that are wrong together do not pass.

A step may need the steps before it in its flow (cookies, a token in a form): a flow is run up to the step that is
asked for, once for each server, and the answers are kept. Flows do not depend on each other.
"""

from __future__ import annotations

import contextlib
import gzip
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
from reference import DERIVED_LENGTH, Reference
from server import BrokenResponse, Client, Response, Server
from visitor import Step, Visitor

APPS = Path(__file__).resolve().parents[1] / "apps"
VALIDATED = APPS / "validated.py"

SERVERS_ENVIRONMENT = {"PYTHONHASHSEED": "0"}
"""Sets are written out in the same order by every server."""

KEEP_ALIVE = ("--keep-alive-timeout", "600")
"""A visitor's connection outlives the steps of other visitors: that it was closed is always a failure."""

ENGINE_FIELDS = {"connection", "date", "keep-alive", "server", "transfer-encoding"}
"""What a server, not the application, says."""


@dataclass
class Answer:
    """What came back for a step: a response, or one that the server broke off."""

    response: Response
    broken: bool = False


class Hosted:
    """One server with its own copy of the instance, and the flows that were run against it."""

    def __init__(self, kind: str, server: Reference | Server, directory: Path) -> None:
        self.kind = kind
        self.server = server
        self.directory = directory
        self._flows: dict[str, tuple[Visitor, list[Answer | BaseException]]] = {}

    def answer(self, system: type[AnswersAsReference], flow: str, number: int) -> Answer:
        """The answer to a step; steps before it that were not run yet are run first."""
        if flow not in self._flows:
            visitor = Visitor(lambda: Client(self.server.connect()), self.directory, self.kind != "reference")
            self._flows[flow] = visitor, []
        visitor, answers = self._flows[flow]
        for step in system.flows[flow][len(answers) : number + 1]:
            if self.kind == "validated" and step.not_validated:
                answers.append(LookupError(f"left out: {step.not_validated}"))
                continue
            try:
                answers.append(Answer(visitor.visit(step)))
            except BrokenResponse as broken:
                answers.append(Answer(broken.partial, True) if step.breaks and broken.partial else broken)
            except BaseException as error:
                answers.append(error)
        if isinstance(answers[number], BaseException):
            raise answers[number]
        return answers[number]

    def close(self) -> None:
        for visitor, _ in self._flows.values():
            visitor.close()


class AnswersAsReference:
    """A hosted system; subclasses fill in the declarations. Each is one application with its requests."""

    target: ClassVar[str]
    app: ClassVar[str] = ""
    """The folder in tests/apps that an instance starts as a copy of."""
    flows: ClassVar[Mapping[str, Sequence[Step]]]
    arguments: ClassVar[Sequence[str]] = ()
    """More arguments for `millau serve`."""
    environment: ClassVar[dict[str, str]] = {}
    masks: ClassVar[Sequence[tuple[str, str]]] = ()
    """Patterns of what changes from run to run, in bodies and field values, and what stands for it."""
    volatile_fields: ClassVar[set[str]] = set()
    """Fields of which only the presence is compared, like Expires, which tells the time."""
    own_complaints: ClassVar[bool] = False
    """The application logs errors of its own."""

    @classmethod
    def prepare(cls, directory: Path) -> None:
        """Make in `directory`, which holds a copy of `app`, what an instance needs besides. Run once;
        each server gets a copy."""

    @classmethod
    def settle(cls, directory: Path) -> None:
        """Make in one server's copy what is bound to its place."""

    # What pytest runs

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if "step" in metafunc.fixturenames:
            places = [
                pytest.param((name, i), id=f"{name}-{i}-{step.label}")
                for name, steps in metafunc.cls.flows.items()
                for i, step in enumerate(steps)
            ]
            metafunc.parametrize("step", places)
            metafunc.parametrize("kind", ["millau", "validated"])

    @pytest.fixture(scope="class")
    @classmethod
    def servers(cls, tmp_path_factory) -> Iterator[dict[str, Hosted]]:
        base = tmp_path_factory.mktemp(cls.__name__)
        original = base / "original"
        if cls.app:
            shutil.copytree(APPS / cls.app, original, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            original.mkdir()
        cls.prepare(original)
        with contextlib.ExitStack() as stack:

            def hosted(kind: str, start: Callable[[Path], Any]) -> Hosted:
                directory = base / kind
                shutil.copytree(original, directory, symlinks=True)
                cls.settle(directory)
                one = Hosted(kind, stack.enter_context(start(directory)), directory)
                stack.callback(one.close)
                return one

            env = SERVERS_ENVIRONMENT | cls.environment
            yield {
                "reference": hosted("reference", lambda d: Reference(cls.target, cwd=d, env=env)),
                "millau": hosted("millau", lambda d: Server(cls.target, *KEEP_ALIVE, *cls.arguments, cwd=d, env=env)),
                "validated": hosted(
                    "validated",
                    lambda d: Server(
                        f"{VALIDATED}:application",
                        *KEEP_ALIVE,
                        *cls.arguments,
                        cwd=d,
                        env=env | {"VALIDATED_TARGET": cls.target},
                    ),
                ),
            }

    def test_answer(self, servers: dict[str, Hosted], kind: str, step: tuple[str, int]) -> None:
        flow, number = step
        asked = self.flows[flow][number]
        expected = servers["reference"].answer(type(self), flow, number)
        if kind == "validated" and asked.not_validated:
            pytest.skip(asked.not_validated)
        answer = servers[kind].answer(type(self), flow, number)
        faults = list(
            self.differences(asked, expected, answer, servers["reference"].directory, servers[kind].directory)
        )
        if faults:
            raise AssertionError(f"{type(self).__name__}, {flow}, {asked.label}:\n" + "\n".join(faults))

    def test_logs(self, servers: dict[str, Hosted]) -> None:
        """The validator has no complaint, and the log holds no error that no step provoked."""
        provoked = self.own_complaints
        for flow, steps in self.flows.items():
            for i, step in enumerate(steps):
                provoked |= step.engine_answers or step.breaks or step.closes
                for one in servers.values():
                    with contextlib.suppress(Exception):  # has failed in its own test
                        one.answer(type(self), flow, i)
        for kind in ("millau", "validated"):
            log = servers[kind].server.log()
            forbidden = ["AssertionError", "garbage collected without being closed"]
            if not provoked:
                forbidden.append(" ERROR ")
            for text in forbidden:
                if text in log:
                    raise AssertionError(f"{text!r} in the log of {kind}:\n{log[-20_000:]}")

    # Comparing

    @classmethod
    def differences(
        cls, step: Step, expected: Answer, answer: Answer, expected_home: Path, home: Path
    ) -> Iterator[str]:
        """What is wrong with an answer, one line each."""
        reference, response = expected.response, answer.response
        if reference.status != step.status:
            yield f"the application answered {reference.status} {reference.reason} behind wsgiref; the step expects {step.status}: {reference.body[:500]!r}"
        if step.contains and step.contains.encode("latin-1") not in content(reference):
            yield f"the body behind wsgiref does not hold {step.contains!r}: {reference.body[:2000]!r}"
        if response.status != reference.status:
            yield f"status {response.status}, expected {reference.status}: {response.body[:500]!r}"
        if response.reason != reference.reason:
            yield f"reason phrase {response.reason!r}, expected {reference.reason!r}"
        if step.breaks != answer.broken:
            yield f"the response was {'broken off' if answer.broken else 'passed off as complete'}"
        if step.engine_answers:
            return
        theirs = cls.compared_fields(step, reference, expected_home)
        ours = cls.compared_fields(step, response, home)
        for name in sorted(theirs.keys() | ours.keys()):
            if name == "content-length":
                continue
            if theirs.get(name) != ours.get(name):
                yield f"field {name}: {ours.get(name)}, expected {theirs.get(name)}"
        yield from cls.length_differences(step, reference, response)
        if step.method == "HEAD":
            return  # wsgiref sends the body that the application gives, Millau must not; `Client` sees to that
        body, wanted = cls.masked(content(response), home), cls.masked(content(reference), expected_home)
        if step.breaks:
            if not wanted.startswith(body):
                yield f"of the body came {body[:500]!r}, expected the beginning of {wanted[:500]!r}"
        elif step.body_varies:
            if len(body) != len(wanted):
                yield f"body of {len(body)} characters, expected {len(wanted)}"
        elif body != wanted:
            yield f"body of {len(body)} characters, expected {len(wanted)}; {first_difference(body, wanted)}"

    @classmethod
    def compared_fields(cls, step: Step, response: Response, home: Path) -> dict[str, list[str]]:
        """The fields that the application gave, as ordered values for each name."""
        fields: dict[str, list[str]] = {}
        for name, value in response.fields:
            key = name.lower()
            if key in ENGINE_FIELDS or name == DERIVED_LENGTH:
                continue
            volatile = key == "expires" or key in cls.volatile_fields or key in step.volatile
            fields.setdefault(key, []).append("..." if volatile else cls.masked(value.encode("latin-1"), home))
        return fields

    @staticmethod
    def length_differences(step: Step, reference: Response, response: Response) -> Iterator[str]:
        """A Content-Length of the application has to arrive; one that wsgiref derived need not, but may not lie.
        That a length agrees with the body is checked where it is read."""
        lengths, ours = reference.all("Content-Length"), response.all("Content-Length")
        if DERIVED_LENGTH in reference or not lengths:
            if step.method == "HEAD" and ours and lengths and ours != lengths:
                yield f"Content-Length {ours} for HEAD, expected none or {lengths}"
        elif reference.status in (204, 304):
            pass  # RFC 9110 §8.6: a server must not send one, or need not, whatever the application says
        elif not ours:
            yield f"the application's Content-Length {lengths} did not arrive"
        elif step.method == "HEAD" and ours != lengths:
            yield f"Content-Length {ours} for HEAD, expected {lengths}"

    @classmethod
    def masked(cls, data: bytes, home: Path) -> str:
        text = data.decode("latin-1").replace(str(home), "{home}")
        for pattern, stand_in in cls.masks:
            text = re.sub(pattern, stand_in, text)
        return text


class AnswersManyAtOnce(AnswersAsReference):
    """A hosted system that many visitors ask at once, in several processes and threads: nobody may get the answer
    to another's request."""

    at_once: ClassVar[Sequence[str]]
    """Flows that leave nothing behind."""
    crew: ClassVar[Sequence[str]] = ("--workers", "2", "--threads", "8")
    visitors: ClassVar[int] = 8

    def test_many_at_once(self, servers: dict[str, Hosted]) -> None:
        system = type(self)
        home = servers["reference"].directory.with_name("many")
        shutil.copytree(home.with_name("original"), home, symlinks=True)
        system.settle(home)
        places = [(flow, number) for flow in self.at_once for number in range(len(self.flows[flow]))]
        expected = {place: servers["reference"].answer(system, *place) for place in places}

        def visit(first: int) -> list[str]:
            """Go through all flows, beginning with another one than the other visitors."""
            hosted = Hosted("millau", server, home)
            turned = self.at_once[first % len(self.at_once) :] + self.at_once[: first % len(self.at_once)]
            faults = []
            for flow in turned:
                for number, step in enumerate(self.flows[flow]):
                    answer = hosted.answer(system, flow, number)
                    faults += [
                        f"visitor {first}, {flow}, {step.label}: {fault}"
                        for fault in self.differences(
                            step, expected[flow, number], answer, servers["reference"].directory, home
                        )
                    ]
            hosted.close()
            return faults

        env = SERVERS_ENVIRONMENT | self.environment
        with (
            Server(self.target, *KEEP_ALIVE, *self.crew, cwd=home, env=env) as server,
            ThreadPoolExecutor(self.visitors) as pool,
        ):
            faults = [fault for found in pool.map(visit, range(self.visitors)) for fault in found]
        if faults:
            raise AssertionError("\n".join(faults[:20]))


def content(response: Response) -> bytes:
    """The body without its content coding: gzip writes the time, and Django fills up with chance, into it."""
    if response.all("Content-Encoding") == ["gzip"] and response.body:
        return gzip.decompress(response.body)
    return response.body


def first_difference(ours: str, theirs: str) -> str:
    at = next((i for i, (a, b) in enumerate(zip(ours, theirs)) if a != b), min(len(ours), len(theirs)))
    begin = max(0, at - 80)
    return f"at {at}: {ours[begin : at + 200]!r}, expected {theirs[begin : at + 200]!r}"
