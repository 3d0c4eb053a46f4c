"""Turns measurements into tables of medians and of ratios against Millau, taken round by round."""

from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

from workloads import Workload

Row = dict[str, Any]
DISTURBED = 0.1
"""Share of the server's core that other programs may use before a measurement counts as disturbed."""


def number(value: float | None) -> str:
    """Three significant digits or more, with thousands separated."""
    if value is None:
        return "–"
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def medians(rows: Sequence[Row], figure: Callable[[Row], float | None]) -> float | None:
    """The median of a figure over the rounds."""
    values = [value for row in rows if (value := figure(row)) is not None]
    return median(values) if values else None


def ratio(rows: Sequence[Row], base: Sequence[Row], figure: Callable[[Row], float | None]) -> str:
    """The figure as a multiple of Millau's in the same round: median, and lowest to highest."""
    of_base = {row["round"]: figure(row) for row in base}
    ratios = [
        value / other for row in rows if (value := figure(row)) is not None and (other := of_base.get(row["round"]))
    ]
    if not ratios or rows is base:
        return "1" if rows is base else "–"
    if len(ratios) == 1:
        return f"{ratios[0]:.2f}"
    return f"{median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"


def table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A Markdown table whose columns stand under each other in a terminal too; all but the first are numbers."""
    widths = [max(len(line[column]) for line in [head, *lines]) for column in range(len(head))]

    def row(cells: Sequence[str]) -> str:
        first, *others = zip(cells, widths, strict=True)
        return "| " + " | ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]) + " |"

    rule = "|" + "|".join("-" * (width + 1) + (":" if column else "-") for column, width in enumerate(widths)) + "|"
    return "\n".join([row(head), rule, *(row(line) for line in lines)])


def latency(workload: Workload, name: str, name_of_class: str | None = None) -> Callable[[Row], float | None]:
    """A latency of the workload's main class, or of another."""
    of_class = name_of_class or workload.main_class
    return lambda row: row["classes"][of_class][name] if row["classes"][of_class]["count"] else None


def front_cpu(row: Row) -> float | None:
    """What of it the web server in front used."""
    return row.get("front_us")


def backend_cpu(row: Row) -> float | None:
    """What of it everything else used."""
    return cpu(row) - row["front_us"] if "front_us" in row else None


def cpu(row: Row) -> float:
    """Processor time of the whole server per request, µs."""
    return float(row["cpu_us"])


def rate(row: Row) -> float:
    """Right answers per second."""
    return float(row["rate"])


def per_connection(row: Row) -> float | None:
    """Growth of the proportional set size per idle connection, KiB."""
    opened: int = row["idle_opened"]
    if not opened:
        return None
    grown: int = row["memory_idle"]["pss"] - row["memory_before"]["pss"]
    return grown / opened / 1024


def mebibytes(name: str) -> Callable[[Row], float | None]:
    """A memory figure of the whole server."""
    return lambda row: row["memory"][name] / 2**20


def load_table(workload: Workload, servers: dict[str, list[Row]]) -> str:
    """CPU per request first: it holds also where the client is the limit."""
    base = servers.get(workload.base, [])
    times = "× Millau's" if workload.base == "millau" else f"× {workload.base}'s"
    behind = any("front_us" in row for rows in servers.values() for row in rows)
    mixed = any(request.other for request in workload.requests) or len(workload.requests) > 1
    head = ["server", "CPU µs/request", "lowest", times]
    head += ["front", "backend"] if behind else []
    head += ["requests/s", times, "p50 ms", "p99 ms"]
    head += ["p99 of the slow"] if mixed else []
    head += ["idle open", "KiB each"] if workload.kind == "idle" else []
    head += ["errors", "longest wait ms"]
    lines = []
    for name, rows in sorted(servers.items(), key=lambda item: medians(item[1], cpu) or 0):
        line = [name, number(medians(rows, cpu)), number(min(map(cpu, rows))), ratio(rows, base, cpu)]
        if behind:
            line += [number(medians(rows, front_cpu)), number(medians(rows, backend_cpu))]
        line += [number(medians(rows, rate)), ratio(rows, base, rate)]
        line += [number(medians(rows, latency(workload, "p50_ms"))), number(medians(rows, latency(workload, "p99_ms")))]
        if mixed:
            line.append(number(medians(rows, latency(workload, "p99_ms", "slow"))))
        if workload.kind == "idle":
            line += [f"{medians(rows, lambda row: row['idle']['open']):.0f}", number(medians(rows, per_connection))]
        line += [str(sum(row["errors"] for row in rows)), number(max(row["oldest_ms"] for row in rows))]
        lines.append(line)
    return table(head, lines)


def memory_table(workload: Workload, servers: dict[str, list[Row]]) -> str:
    """Memory of the whole process tree."""
    base = servers.get(workload.base, [])
    head = ["server", "PSS MiB", "× Millau's", "RSS MiB", "processes"]
    lines = [
        [
            name,
            number(medians(rows, mebibytes("pss"))),
            ratio(rows, base, mebibytes("pss")),
            number(medians(rows, mebibytes("rss"))),
            str(max(row["memory"]["processes"] for row in rows)),
        ]
        for name, rows in sorted(servers.items(), key=lambda item: medians(item[1], mebibytes("pss")) or 0)
    ]
    return table(head, lines)


def disturbed(row: Row) -> bool:
    """Other programs were at the server's core while it was measured."""
    return bool(row.get("core_used_by_others", 0) > DISTURBED)


def section(workload: Workload, rows: Sequence[Row], failures: Sequence[tuple[str, str]]) -> str:
    """The heading, the table and what is missing from it."""
    servers: dict[str, list[Row]] = {}
    for row in rows:
        servers.setdefault(row["server"], []).append(row)
    parts = [f"## {workload.title}"]
    if servers:
        parts.append(memory_table(workload, servers) if workload.kind == "memory" else load_table(workload, servers))
    for name, reason in failures:
        parts.append(f"{name}: {reason.splitlines()[0]}")
    count = sum(map(disturbed, rows))
    if count:
        parts.append(
            f"Disturbed: in {count} of {len(rows)} measurements other programs used more than "
            f"{DISTURBED:.0%} of the server's core. Run it again when the machine is quiet."
        )
    return "\n\n".join(parts)
