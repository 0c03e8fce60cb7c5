"""Runs as a table, as JSON, and as a page."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any, Final

from benchmarks.compare.measurements.table import markdown, number, rounded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.compare.session import Run, Session
    from benchmarks.compare.variants import Group, Variant

_COLUMNS: Final = (
    "path", "stages", "accepted", "delivered", "lost",
    "caller ns", "CPU ns", "records/s, median (min-max)", "x stock", "by CPU",
)  # fmt: skip
_LEFT: Final = 2

_HEAD: Final = """\
# Results

Written by `python -m benchmarks.compare --all --write benchmarks/RESULTS.md`; how to read it:
[docs/benchmarks.md](../docs/benchmarks.md). Absolute figures differ from machine to machine and from day to day; the
ratios, measured alternating in one run, are what counts. Each run is a fresh process; counts are sums over all rounds.
Our side runs with `on_full="block"` and a `block_timeout` of a minute: flat out, writing outruns every transport, so
the caller waits for room and nothing is dropped.
"""


def row(variant: Variant, runs: Sequence[Run], peer: Sequence[Run]) -> dict[str, Any]:
    """Sum a variant's runs up.

    Args:
        variant: The variant.
        runs: Its runs; at least one.
        peer: The runs of what it is compared with; at least one.
    """
    rates = [run.rate for run in runs]
    return {
        "key": variant.key,
        "title": variant.title,
        "stages": stages(variant),
        "accepted": sum(run.accepted for run in runs),
        "delivered": sum(run.delivered for run in runs),
        "lost": sum(run.lost for run in runs),
        "caller_ns": statistics.median(run.caller_ns for run in runs),
        "cpu_ns": _cpu_ns(runs),
        "cpu_ratio": _cpu_ns(peer) / _cpu_ns(runs),
        "rate": statistics.median(rates),
        "rate_min": min(rates),
        "rate_max": max(rates),
        "rates": rates,
        "written_s": [run.written for run in runs],
        "elapsed_s": [run.elapsed for run in runs],
        "requests": [run.requests for run in runs],
        "bytes_a_record": statistics.median(run.bytes_a_record for run in runs),
        "ratio": statistics.median(rates) / statistics.median(run.rate for run in peer),
        "faults": [fault for run in runs for fault in run.faults],
    }


def stages(variant: Variant) -> str:
    """Tell which of our stages run: as configured by default, or none; empty where they are not ours."""
    return "" if not variant.ours else "default" if variant.stages else "off"


def _cpu_ns(runs: Sequence[Run]) -> float:
    return statistics.median(run.cpu / run.accepted * 1e9 for run in runs)


def rows(groups: Sequence[Group], session: Session) -> list[tuple[str, list[dict[str, Any]]]]:
    """Give each group's title and rows; a row that was not measured has a reason in place of figures."""
    return [(group.title, [_row(variant, group, session) for variant in group.variants]) for group in groups]


def _row(variant: Variant, group: Group, session: Session) -> dict[str, Any]:
    runs, peer = session.runs.get(variant.key), session.runs.get(group.peer.key)
    if runs and peer:
        return row(variant, runs, peer)
    reason = session.left_out.get(variant.key) or session.left_out[group.peer.key]
    return {"key": variant.key, "title": variant.title, "stages": stages(variant), "left_out": reason, "faults": []}


def peers(session: Session) -> dict[str, str]:
    """Give the versions of each other library, and of the SDK in its environment, by variant."""
    return {
        key: ", ".join(f"{package} {version}" for package, version in runs[0].versions)
        for key, runs in session.runs.items()
        if runs[0].versions
    }


def table(lines: Sequence[Mapping[str, Any]]) -> str:
    """Give a group's rows as a Markdown table."""
    return markdown(_COLUMNS, [_cells(line) for line in lines], _LEFT)


def _cells(line: Mapping[str, Any]) -> list[str]:
    if "left_out" in line:
        return [f"{line['title']}: left out, {line['left_out']}", line["stages"], *[""] * (len(_COLUMNS) - _LEFT)]
    return [
        line["title"],
        line["stages"],
        number(line["accepted"]),
        number(line["delivered"]),
        number(line["lost"]),
        number(line["caller_ns"]),
        number(line["cpu_ns"]),
        f"{rounded(line['rate'])} ({rounded(line['rate_min'])}-{rounded(line['rate_max'])})",
        f"{line['ratio']:.1f}",
        f"{line['cpu_ratio']:.1f}",
    ]


def measurement(found: Mapping[str, Any]) -> str:
    """Give a measurement as Markdown: how it was made, and its table."""
    table = markdown(found["columns"], found["rows"], found["left"])
    return f"{found['note']}\n\n{table}"


def document(report: Mapping[str, Any]) -> str:
    """Give the whole report as a Markdown page."""
    parts = [_HEAD]
    parts += [f"## {title}\n\n{table(lines)}\n" for title, lines in report["groups"]]
    parts += [f"## {found['title']}\n\n{measurement(found)}\n" for found in report["measurements"]]
    parts.append(f"## Machine and versions\n\n{facts(report)}\n")
    return "\n".join(parts)


def facts(report: Mapping[str, Any]) -> str:
    """Give what the result depends on, one bullet each."""
    lines = [f"- {name}: {value}" for name, value in report["machine"].items()]
    lines.append("- versions: " + ", ".join(f"{name} {value}" for name, value in report["versions"].items()))
    lines += [f"- {key}: {names}" for key, names in report["peers"].items()]
    lines.append(
        f"- {report['rounds']} rounds, {report['date']}, {report['seconds']:.0f} s; "
        f"load average at the start {report['load']:.2f}"
    )
    if report["note"]:
        lines.append(f"- {report['note']}")
    return "\n".join(lines)
