"""The command: what to measure, how often, and where the result goes."""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.compare import machine, report
from benchmarks.compare.groups import GROUPS, VARIANTS
from benchmarks.compare.session import Run, run_all

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.compare.variants import Group

_QUICK_SCALE = 0.02


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and give the exit status: 0 if every record arrived that should have.

    Args:
        arguments: Of the command line; None: the process's.
    """
    options = _options(arguments)
    groups = _chosen(options.only)
    rounds, scale = (1, _QUICK_SCALE) if options.quick else (options.rounds, options.scale)
    load = machine.load()
    begun = time.monotonic()
    session = run_all(groups, rounds, scale, _show)
    found: dict[str, Any] = {
        "groups": report.rows(groups, session),
        "machine": machine.machine(),
        "versions": machine.versions(),
        "peers": report.peers(session),
        "rounds": rounds,
        "scale": scale,
        "date": datetime.now(timezone.utc).date().isoformat(),
        "seconds": time.monotonic() - begun,
        "load": load,
        "note": options.note,
    }
    _print(found)
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=2) + "\n")
    if options.write is not None:
        options.write.write_text(report.document(found))
    return 1 if _faults(found) else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.compare",
        description="Measures fapilog_otel and the stock OpenTelemetry SDK, alternating, against one receiver.",
    )
    parser.add_argument("--rounds", type=_positive, default=5, help="alternations (default 5)")
    parser.add_argument("--scale", type=float, default=1.0, help="multiplies the records of each run (default 1)")
    parser.add_argument("--quick", action="store_true", help="one small round: tells whether anything is lost")
    parser.add_argument("--only", nargs="+", choices=sorted(VARIANTS), help="measure these and their peers")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything measured to FILE")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the tables to FILE as Markdown")
    parser.add_argument("--note", default="", help="a remark for the result, such as what else the machine was doing")
    return parser.parse_args(arguments)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _chosen(only: Sequence[str] | None) -> list[Group]:
    if only is None:
        return list(GROUPS)
    wanted = set(only)
    groups = []
    for group in GROUPS:
        kept = tuple(one for one in group.variants if one.key in wanted)
        if kept:
            groups.append(replace(group, variants=(group.peer, *(one for one in kept if one is not group.peer))))
    return groups


def _show(run: Run) -> None:
    speed = f"{run.rate:12,.0f} records/s{run.caller_ns:9,.0f} ns/call"
    print(f"{run.variant.key:26}{speed}  lost {run.lost:,}  {'; '.join(run.faults)}", flush=True)


def _print(found: dict[str, Any]) -> None:
    for title, lines in found["groups"]:
        print(f"\n{title}\n\n{report.table(lines)}")
    print("\n" + report.facts(found))
    for fault in _faults(found):
        print(f"FAULT {fault}")


def _faults(found: dict[str, Any]) -> list[str]:
    return [f"{line['key']}: {fault}" for _, lines in found["groups"] for line in lines for fault in line["faults"]]
