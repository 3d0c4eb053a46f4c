"""Tests of the benchmark's own arithmetic: a table that lies is worse than none. Run: `python3 -m unittest -v` here."""

import os
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parent))

import front_and_backend
import installation
from peers import SERVERS
from process_tree import ProcessTree, core_busy_seconds
from report import Row, ratio, section
from server import Place
from workloads import WORKLOADS


def row(server: str, round_number: int, cpu: float, rate: float = 1000.0, **more: object) -> Row:
    """A row as a measurement gives it."""
    of_class = {"count": 5, "p50_ms": 1.0, "p99_ms": 2.0}
    figures = {"cpu_us": cpu, "rate": rate, "classes": {"all": of_class}, "errors": 0, "oldest_ms": 3.0}
    return {"server": server, "round": round_number, **figures, **more}


class Ratios(unittest.TestCase):
    """Ratios are taken within a round, then the median."""

    def test_round_by_round(self) -> None:
        base = [row("millau", 0, 10.0), row("millau", 1, 20.0), row("millau", 2, 10.0)]
        peer = [row("granian", 0, 20.0), row("granian", 1, 30.0), row("granian", 2, 30.0)]
        self.assertEqual(ratio(peer, base, lambda row: row["cpu_us"]), "2.00 (1.50–3.00)")

    def test_a_round_that_failed_is_left_out(self) -> None:
        base = [row("millau", 0, 10.0), row("millau", 2, 10.0)]
        peer = [row("granian", 1, 500.0), row("granian", 2, 30.0)]
        self.assertEqual(ratio(peer, base, lambda row: row["cpu_us"]), "3.00")

    def test_without_millau_there_is_none(self) -> None:
        self.assertEqual(ratio([row("granian", 0, 20.0)], [], lambda row: row["cpu_us"]), "–")


class Sections(unittest.TestCase):
    """The text that is printed."""

    def test_cheapest_first_and_failures_named(self) -> None:
        rows = [row("granian", 0, 20.0), row("millau", 0, 10.0)]
        text = section(WORKLOADS["hello"], rows, [("uwsgi", "not installed: no compiler\nmore")])
        self.assertLess(text.index("| millau"), text.index("| granian"))
        self.assertIn("uwsgi: not installed: no compiler", text)
        self.assertNotIn("more", text)
        self.assertNotIn("Disturbed", text)

    def test_behind_a_front_server_its_share_is_shown_and_the_base_named(self) -> None:
        rows = [
            row("millau-fastcgi", 0, 10.0, front_us=7.0),
            row("uwsgi-uwsgi", 0, 20.0, front_us=12.0),
        ]
        lines = section(WORKLOADS["behind-nginx"], rows, []).splitlines()
        cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line.startswith("|")]
        head, _, millau, uwsgi = cells
        self.assertEqual(head[3], "× millau-fastcgi's")
        column = head.index("front")
        self.assertEqual(millau[3:6], ["1", "7.00", "3.00"])
        self.assertEqual(uwsgi[3 : column + 2], ["2.00", "12.0", "8.00"])

    def test_a_disturbed_measurement_is_admitted(self) -> None:
        rows = [row("millau", 0, 10.0, core_used_by_others=0.3)]
        self.assertIn("Disturbed: in 1 of 1 ", section(WORKLOADS["hello"], rows, []))


class Trees(unittest.TestCase):
    """Processor time, memory and end of a server with children."""

    BURN = "import time\nwhile time.process_time() < {seconds}: pass\n"

    def start(self, program: str) -> ProcessTree:
        """A Python program as a tree."""
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        folder = Path(directory.name)
        command = [sys.executable, "-c", program]
        tree = ProcessTree(command, os.sched_getaffinity(0), folder, dict(os.environ), folder / "log")
        self.addCleanup(tree.stop)
        return tree

    def wait_for(self, tree: ProcessTree, text: str) -> None:
        """Waits until the program has written this."""
        deadline = time.monotonic() + 30
        while text not in tree.log.read_text():
            self.assertLess(time.monotonic(), deadline, tree.last_words())
            time.sleep(0.01)

    def test_children_count_living_and_ended(self) -> None:
        burn = self.BURN.format(seconds=0.3)
        program = (
            "import subprocess, sys, time\n"
            f"subprocess.run([sys.executable, '-c', {burn!r}])\n"
            f"child = subprocess.Popen([sys.executable, '-c', {burn + 'print(1, flush=True); time.sleep(60)'!r}],"
            " stdout=subprocess.PIPE)\n"
            "child.stdout.readline()\n"
            f"{burn}print('burnt', flush=True)\ntime.sleep(60)\n"
        )
        tree = self.start(program)
        self.wait_for(tree, "burnt")
        # Not how long it took, but how much was used: three times 0.3 s, and what starting Python costs.
        self.assertGreaterEqual(tree.processor_seconds(), 0.9)
        self.assertEqual(tree.memory().processes, 2)
        self.assertGreater(tree.memory().rss, tree.memory().pss)

    def test_stop_ends_those_that_ignore_it_and_those_without_parent(self) -> None:
        stubborn = "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True); time.sleep(60)"
        program = (
            "import subprocess, sys\n"
            f"child = subprocess.Popen([sys.executable, '-c', {stubborn!r}], stdout=subprocess.PIPE)\n"
            "child.stdout.readline()\nprint('pid', child.pid, flush=True)\n"
        )
        tree = self.start(program)
        self.wait_for(tree, "pid")
        tree.process.wait()
        child = int(tree.log.read_text().split()[1])
        self.assertEqual([stat.pid for stat in tree.stats()], [child])
        tree.stop()
        self.assertEqual([stat for stat in tree.stats() if stat.state != "Z"], [])

    def test_processes_of_one_name_are_counted_apart(self) -> None:
        burn = self.BURN.format(seconds=0.3)
        program = (
            "import subprocess, sys\n"
            f"child = subprocess.Popen([sys.executable, '-c', {burn + 'print(1, flush=True); input()'!r}],"
            " stdin=subprocess.PIPE, stdout=subprocess.PIPE)\n"
            "child.stdout.readline()\n"
            "open('/proc/self/comm', 'w').write('a (web) server')\n"
            "print('ready', flush=True)\nchild.wait()\n"
        )
        tree = self.start(program)
        self.wait_for(tree, "ready")
        front = tree.processor_seconds("a (web) server")
        self.assertGreater(front, 0)
        self.assertGreaterEqual(tree.processor_seconds() - front, 0.3)
        self.assertEqual(tree.processor_seconds("nginx"), 0)

    def test_a_core_that_is_not_there(self) -> None:
        with self.assertRaisesRegex(ValueError, "no core 4711"):
            core_busy_seconds(4711)


class Fronts(unittest.TestCase):
    """A web server in front and the backend behind it."""

    def test_without_kept_connections_only_what_keeps_them_is_left_out(self) -> None:
        kept = (
            "upstream millau {\n    server 127.0.0.1:1;\n    # keepalive: why\n    keepalive 32;\n}\n"
            "    keepalive_timeout 5;\n    fastcgi_pass millau;\n    fastcgi_keep_conn on;\n"
        )
        self.assertEqual(
            front_and_backend.once(kept),
            "upstream millau {\n    server 127.0.0.1:1;\n    # keepalive: why\n}\n"
            "    keepalive_timeout 5;\n    fastcgi_pass millau;\n",
        )

    def test_a_backend_that_ends_at_its_start_is_not_waited_for(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            bind = f"scgi+unix:{folder}/backend.sock"
            with subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"]) as backend:
                with self.assertRaisesRegex(SystemExit, "ended at its start with 3"):
                    front_and_backend.wait_until_listening(bind, backend)

    def test_a_backend_that_listens_is_found_at_either_kind_of_address(self) -> None:
        with tempfile.TemporaryDirectory() as folder, socket.socket() as inet, socket.socket(socket.AF_UNIX) as unix:
            inet.bind(("127.0.0.1", 0))
            unix.bind(f"{folder}/backend.sock")
            for listener, bind in [
                (inet, f"fastcgi://127.0.0.1:{inet.getsockname()[1]}"),
                (unix, f"fastcgi+unix:{folder}/backend.sock"),
            ]:
                with self.assertRaises(OSError):
                    front_and_backend.connect(bind)
                listener.listen()
                front_and_backend.connect(bind).close()

    def test_front_server_and_backend_are_told_the_same_address(self) -> None:
        for name in WORKLOADS["behind-nginx"].servers:
            for unix, address in [(False, "127.0.0.1:1234"), (True, "/scratch/backend.sock")]:
                place = Place(
                    Path("/venv"), Path("/apps"), Path("/scratch"), "hello", 4321, backend_port=1234, unix=unix
                )
                command = SERVERS[name].command(place)
                before, backend = command[: command.index("--")], " ".join(command[command.index("--") + 1 :])
                self.assertTrue(before[before.index("--bind") + 1].endswith(address), before)
                self.assertIn("4321", before)
                self.assertIn("/scratch/backend.sock" if unix else "1234", backend)


class Commands(unittest.TestCase):
    """The peers and the workloads fit each other."""

    def test_every_server_of_every_workload_has_a_command_and_a_pinned_package(self) -> None:
        pinned = {*installation.requirements(), "millau"}
        for workload in WORKLOADS.values():
            for name in workload.servers:
                place = Place(Path("/venv"), Path("/apps"), Path("/tmp"), workload.module, 4321, workload.threads)
                command = " ".join(SERVERS[name].command(place))
                self.assertIn("4321", command)
                self.assertIn(workload.module, command)
                self.assertIn(SERVERS[name].package, pinned)

    def test_threads_and_room_are_given_where_they_are_asked_for(self) -> None:
        place = Place(Path("/venv"), Path("/apps"), Path("/tmp"), "mix", 4321, threads=64, idle=True)
        self.assertIn("--threads=64", SERVERS["waitress"].command(place))
        self.assertIn("--backpressure", SERVERS["granian"].command(place))

    def test_what_cannot_be_installed_is_said_and_left_out(self) -> None:
        done = subprocess.CompletedProcess([], 1, "", "error: no compiler")
        with tempfile.TemporaryDirectory() as folder:
            venv = Path(folder)
            (venv / "bin").mkdir()
            (venv / "bin" / "python").touch()
            with (
                mock.patch.object(installation, "VENV", venv),
                mock.patch.object(installation, "ROOT", venv),
                mock.patch.object(installation, "installed", return_value={}),
                mock.patch.object(installation, "requirements", return_value={"bjoern": "3.2.2"}),
                mock.patch("subprocess.run", return_value=done),
                mock.patch("builtins.print"),
            ):
                self.assertRegex(installation.install_peers()["bjoern"], "not installed: error: no compiler")


if __name__ == "__main__":
    unittest.main()
