"""A server's processes, all of them: starting them on one core, their processor time, their memory, their end."""

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
PROC = Path("/proc")


@dataclass(frozen=True)
class Stat:
    """The fields of /proc/PID/stat that are used here."""

    pid: int
    name: str
    state: str
    parent: int
    session: int
    children_ticks: int


def read_stat(pid: int) -> Stat | None:
    """The state of one process; None when it is gone."""
    try:
        text = (PROC / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name may hold spaces and parentheses; the fields after it do not.
    name, fields = text[text.index("(") + 1 : text.rindex(")")], text[text.rindex(")") + 2 :].split()
    return Stat(pid, name, fields[0], int(fields[1]), int(fields[3]), int(fields[13]) + int(fields[14]))


def processor_seconds(stat: Stat) -> float:
    """User and system time of one process, all its threads, ended ones included, and of the children it waited for.

    The children's part keeps the account whole when a worker is replaced. The own part comes from the process's clock
    rather than from /proc, which counts in steps of 10 ms: too coarse for a server that sleeps most of the time.
    """
    try:
        # What clock_getcpuclockid(3) returns for a process.
        own = time.clock_gettime((~stat.pid << 3) | 2)
    except OSError:
        own = 0.0
    return own + stat.children_ticks / TICK


@dataclass(frozen=True)
class Memory:
    """Memory of a process tree in bytes."""

    rss: int
    pss: int
    processes: int


class ProcessTree:
    """A server, started in a session of its own and bound to some cores."""

    def __init__(self, command: list[str], cores: set[int], directory: Path, environment: dict[str, str], log: Path):
        self.command = command
        self.log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                command,
                cwd=directory,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=lambda: os.sched_setaffinity(0, cores),
            )

    def __enter__(self) -> "ProcessTree":
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def stats(self) -> list[Stat]:
        """All live processes that descend from the one started here or belong to its session."""
        known = {stat.pid: stat for entry in os.listdir(PROC) if entry.isdigit() and (stat := read_stat(int(entry)))}
        root = self.process.pid
        members = {pid for pid, stat in known.items() if pid == root or stat.session == root}
        while True:
            found = {pid for pid, stat in known.items() if stat.parent in members} - members
            if not found:
                return [known[pid] for pid in sorted(members)]
            members |= found

    def processor_seconds(self, name: str | None = None) -> float:
        """User and system time so far: of the whole tree, or of its processes of this name."""
        return sum(processor_seconds(stat) for stat in self.stats() if name in (None, stat.name))

    def memory(self) -> Memory:
        """Resident and proportional set size of the whole tree."""
        rss = pss = processes = 0
        for stat in self.stats():
            try:
                rollup = (PROC / str(stat.pid) / "smaps_rollup").read_text()
            except (FileNotFoundError, ProcessLookupError):
                continue
            values = {line.split(":")[0]: int(line.split()[1]) for line in rollup.splitlines()[1:] if ":" in line}
            rss += values["Rss"] * 1024
            pss += values["Pss"] * 1024
            processes += 1
        return Memory(rss, pss, processes)

    def ended(self) -> int | None:
        """The exit code of the first process once it has ended."""
        return self.process.poll()

    def last_words(self, lines: int = 15) -> str:
        """The end of what the server wrote to its standard output and error."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def stop(self) -> None:
        """Ends every process of the tree: politely, after three seconds for good."""
        members = {stat.pid for stat in self.stats()}
        if self.process.poll() is None:
            # The group, because some first processes are shells that pass no signal on.
            os.killpg(self.process.pid, signal.SIGTERM)
        deadline = time.monotonic() + 3
        while time.monotonic() < deadline and self._alive(members):
            self.process.poll()
            time.sleep(0.02)
        for pid in self._alive(members | {stat.pid for stat in self.stats()}):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.process.wait()

    def _alive(self, members: set[int]) -> set[int]:
        stats = [read_stat(pid) for pid in members]
        return {stat.pid for stat in stats if stat and stat.state != "Z"}


def core_busy_seconds(core: int) -> float:
    """Processor time that anything has used on this core since the machine started, stolen time included."""
    for line in (PROC / "stat").read_text().splitlines():
        if line.startswith(f"cpu{core} "):
            user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, line.split()[1:9])
            return (user + nice + system + irq + softirq + steal) / TICK
    raise ValueError(f"this machine has no core {core}")
