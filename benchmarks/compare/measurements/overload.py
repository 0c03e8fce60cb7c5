"""A thread that logs flat out and never waits, with the default ``on_full="drop"``: what is delivered all the same.

It gives the interpreter up only when it is taken away. What does not fit is dropped and counted; here losing is
allowed, losing count is not.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from benchmarks.compare.measurements import child
from benchmarks.compare.measurements.sides import SIDES, TITLES, open_side
from benchmarks.compare.measurements.table import Plan, Table, number, rounded
from benchmarks.compare.workload import FIRST_NUMBER

if TYPE_CHECKING:
    from benchmarks.compare.destinations import Destinations

KEY: Final = "overload"
_SECONDS: Final = 4.0
_PORTION: Final = 10_000


def measure(plan: Plan, destinations: Destinations) -> Table:
    """Measure both sides, one after the other."""
    table = Table(
        KEY,
        'One thread flat out, never waiting, `on_full="drop"`',
        ("side", "accepted", "delivered", "lost", "counted as lost", "balanced", "calls/s", "delivered/s", "x"),
        notes=(
            (
                "Default settings on both sides, so the SDK's queue holds 2 048 records; it does not count what it loses. "
                "delivered/s: from the first call until flush has returned."
            ),
        ),
    )
    runs = {}
    for side in SIDES:
        receiver = destinations.counting("http")
        run = child.run("overload", side=side, endpoint=receiver.endpoint, seconds=_SECONDS * min(1.0, plan.scale * 5))
        table.faults += [f"{side}: {fault}" for fault in child.check(receiver, run, may_lose=True)]
        run["delivered_rate"] = run["arrived"] / run["elapsed_s"]
        runs[side] = run
    table.data = runs
    table.rows = [
        [
            TITLES[side],
            number(run["written"]),
            number(run["arrived"]),
            number(run["written"] - run["arrived"]),
            number(run["stats"]["dropped"] + run["stats"]["failed"]) if run["stats"] else "-",
            "yes" if run["stats"] and run["stats"]["balanced"] else "-",
            rounded(run["written"] / run["written_s"]),
            rounded(run["delivered_rate"]),
            f"{run['delivered_rate'] / runs['sdk']['delivered_rate']:.1f}",
        ]
        for side, run in runs.items()
    ]
    return table


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
