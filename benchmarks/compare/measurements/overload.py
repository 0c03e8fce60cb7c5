"""A thread that logs flat out and never waits, with the default ``on_full="drop"``: what is delivered all the same.

It gives the interpreter up only when it is taken away. What does not fit is dropped and counted; here losing is
allowed, losing count is not.
"""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING, Any, Final

from benchmarks.compare.measurements import child
from benchmarks.compare.measurements.sides import SIDES, TITLES, open_side
from benchmarks.compare.measurements.table import Plan, Table, number, rounded
from benchmarks.compare.workload import FIRST_NUMBER

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.compare.destinations import Destinations

KEY: Final = "overload"
_SECONDS: Final = 2.0
_PORTION: Final = 10_000


def measure(plan: Plan, destinations: Destinations) -> Table:
    """Measure both sides, one after the other."""
    table = Table(
        KEY,
        'One thread flat out, never waiting, `on_full="drop"`',
        ("side", "accepted", "delivered", "lost", "counted as lost", "balanced", "calls/s", "delivered/s", "x"),
        note=(
            "Default settings on both sides, so the SDK's queue holds 2 048 records; it does not count what it loses. "
            "delivered/s: from the first call until flush has returned."
        ),
    )
    runs: dict[str, list[dict[str, Any]]] = {side: [] for side in SIDES}
    for _ in range(plan.rounds):
        for side in SIDES:
            receiver = destinations.counting("http")
            seconds = _SECONDS * min(1.0, plan.scale * 5)
            run = child.run("overload", side=side, endpoint=receiver.endpoint, seconds=seconds)
            table.faults += [f"{side}: {fault}" for fault in child.check(receiver, run, may_lose=True)]
            runs[side].append(run)
    table.data = {side: summary(those) for side, those in runs.items()}
    table.rows = [_row(side, table.data[side], table.data["sdk"]) for side in SIDES]
    return table


def summary(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Put the runs of one side together; ``counted`` is None where the library does not count what it loses."""
    stats = [run["stats"] for run in runs]
    return {
        "written": sum(run["written"] for run in runs),
        "arrived": sum(run["arrived"] for run in runs),
        "counted": sum(one["dropped"] + one["failed"] for one in stats) if all(stats) else None,
        "balanced": all(stats) and all(one["balanced"] for one in stats),
        "call_rate": statistics.median(run["written"] / run["written_s"] for run in runs),
        "rate": statistics.median(run["arrived"] / run["elapsed_s"] for run in runs),
    }


def _row(side: str, found: Mapping[str, Any], sdk: Mapping[str, Any]) -> list[str]:
    return [
        TITLES[side],
        number(found["written"]),
        number(found["arrived"]),
        number(found["written"] - found["arrived"]),
        "-" if found["counted"] is None else number(found["counted"]),
        "-" if found["counted"] is None else "yes" if found["balanced"] else "NO",
        rounded(found["call_rate"]),
        rounded(found["rate"]),
        f"{found['rate'] / sdk['rate']:.1f}",
    ]


def main(side: str, endpoint: str, seconds: float) -> dict[str, Any]:
    """Run one side.

    Args:
        side: ``ours`` or ``sdk``.
        endpoint: Base URL of the receiver.
        seconds: How long it logs.
    """
    found: dict[str, Any] = {}
    subject = open_side(side, endpoint)
    written = 0
    with child.span(found):
        begun = time.perf_counter()
        while time.perf_counter() - begun < seconds:
            subject.emit(FIRST_NUMBER, _PORTION)
            written += _PORTION
        found["written_s"] = time.perf_counter() - begun
        subject.flush()  # cannot be true: records were dropped
        found["elapsed_s"] = time.perf_counter() - begun
    found |= {"written": written, "flushed": True, "stats": subject.stats()}
    subject.close()
    return found


if __name__ == "__main__":
    child.answer(main)
