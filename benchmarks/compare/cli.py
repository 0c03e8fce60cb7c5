"""The command: what to measure, how often, and where the result goes."""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.compare import machine, plot, report
from benchmarks.compare.destinations import Destinations
from benchmarks.compare.groups import GROUPS, VARIANTS
from benchmarks.compare.measurements import scaling
from benchmarks.compare.measurements.registry import MEASUREMENTS
from benchmarks.compare.measurements.table import Plan
from benchmarks.compare.session import Run, run_all

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.compare.variants import Group

_QUICK_SCALE = 0.02


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and give the exit status: 0 if every record arrived that should have.

    Args:
        arguments: Of the command line; None: the process's.
    """
    options = _options(arguments)
    groups = _chosen(options.only, everything=options.all)
    plan = Plan(1, _QUICK_SCALE) if options.quick else Plan(options.rounds, options.scale)
    load = machine.load()
    begun = time.monotonic()
    session = run_all(groups, plan.rounds, plan.scale, _show)
    measured = _measured(_measurements(options.only, everything=options.all), plan)
    found: dict[str, Any] = {
        "groups": report.rows(groups, session),
        "measurements": measured,
        "machine": machine.machine(),
        "versions": machine.versions(),
        "peers": report.peers(session),
        "rounds": plan.rounds,
        "scale": plan.scale,
        "date": datetime.now(timezone.utc).date().isoformat(),
        "seconds": time.monotonic() - begun,
        "load": load,
        "note": options.note,
    }
    _print(found)
    _save(found, options)
    return 1 if _faults(found) else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.compare",
        description="Measures fapilog_otel, the stock OpenTelemetry SDK and other logging libraries, alternating, "
        "against one receiver; without options, the throughput tables.",
    )
    names = [*sorted(VARIANTS), *MEASUREMENTS]
    parser.add_argument("--all", action="store_true", help="the throughput tables and every other measurement")
    parser.add_argument("--rounds", type=_positive, default=5, help="alternations (default 5)")
    parser.add_argument("--scale", type=float, default=1.0, help="multiplies the records of each run (default 1)")
    parser.add_argument("--quick", action="store_true", help="one small round: tells whether anything is lost")
    parser.add_argument(
        "--only", nargs="+", choices=names, metavar="NAME", help=f"measure these and their peers: {', '.join(names)}"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything measured to FILE")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the tables to FILE as Markdown")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the scaling curves into FILE, an SVG")
    parser.add_argument("--note", default="", help="a remark for the result, such as what else the machine was doing")
    return parser.parse_args(arguments)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _chosen(only: Sequence[str] | None, *, everything: bool) -> list[Group]:
    """Give the groups to measure: all of them, unless names are given."""
    if only is None or everything:
        return list(GROUPS)
    wanted = set(only)
    groups = []
    for group in GROUPS:
        kept = tuple(one for one in group.variants if one.key in wanted)
        if kept:
            groups.append(replace(group, variants=(group.peer, *(one for one in kept if one is not group.peer))))
    return groups


def _measurements(only: Sequence[str] | None, *, everything: bool) -> list[str]:
    return [name for name in MEASUREMENTS if everything or name in (only or ())]


def _measured(names: Sequence[str], plan: Plan) -> list[dict[str, Any]]:
    measured = []
    with Destinations() as destinations:
        for name in names:
            print(f"measuring {name}", flush=True)
            measured.append(asdict(MEASUREMENTS[name](plan, destinations)))
    return measured


def _save(found: dict[str, Any], options: argparse.Namespace) -> None:
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=2) + "\n")
    if options.write is not None:
        options.write.write_text(report.document(found))
    if options.plot is not None:
        for one in found["measurements"]:
            if one["key"] == scaling.KEY:
                options.plot.write_text(plot.draw(one["data"]["points"]))


def _show(run: Run) -> None:
    speed = f"{run.rate:12,.0f} records/s{run.caller_ns:9,.0f} ns/call"
    print(f"{run.variant.key:26}{speed}  lost {run.lost:,}  {'; '.join(run.faults)}", flush=True)


def _print(found: dict[str, Any]) -> None:
    for title, lines in found["groups"]:
        print(f"\n{title}\n\n{report.table(lines)}")
    for one in found["measurements"]:
        print(f"\n{one['title']}\n\n{report.measurement(one)}")
    print("\n" + report.facts(found))
    for fault in _faults(found):
        print(f"FAULT {fault}")


def _faults(found: dict[str, Any]) -> list[str]:
    return [
        *_row_faults(found),
        *(f"{one['key']}: {fault}" for one in found["measurements"] for fault in one["faults"]),
    ]


def _row_faults(found: dict[str, Any]) -> Iterator[str]:
    told = set()  # a row that is in two groups has its faults twice
    for _, lines in found["groups"]:
        for line in lines:
            if line["key"] not in told:
                told.add(line["key"])
                yield from (f"{line['key']}: {fault}" for fault in line["faults"])
