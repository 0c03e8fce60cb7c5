"""What a log call takes its caller at 20 000 calls a second: the middle, and the tail that a request feels.

The caller never sleeps between calls, it watches the clock, as a thread does that has other work; so the library's own
thread has to wrest the interpreter from it. What the clock and an empty call take by themselves is taken off.
"""

from __future__ import annotations

import statistics
import time
from array import array
from typing import TYPE_CHECKING, Any, Final

from benchmarks.compare.measurements import child
from benchmarks.compare.measurements.sides import SIDES, SPOOLED, TITLES, open_side
from benchmarks.compare.measurements.table import Plan, Table, number
from benchmarks.compare.workload import FIRST_NUMBER

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from benchmarks.compare.destinations import Destinations

KEY: Final = "latency"
_SIDES: Final = (*SIDES, SPOOLED)
RATE: Final = 20_000
_SECONDS: Final = 6.0
_INTERVAL_NS: Final = 1_000_000_000 // RATE
_WARM_UP: Final = 2_000
QUANTILES: Final = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}


def measure(plan: Plan, destinations: Destinations) -> Table:
    """Measure all sides in turn."""
    table = Table(
        KEY,
        f"Latency of a log call, paced at {number(RATE)} calls/s",
        ("side", "calls", "delivered", "lost", "calls/s", "p50 ns", "p99 ns", "p99.9 ns", "x p50", "x p99", "x p99.9"),
        note=(
            "Medians over the rounds of each round's quantiles; x: the SDK's divided by the row's. The clock's own "
            "cost is taken off."
        ),
    )
    told: dict[str, list[dict[str, Any]]] = {side: [] for side in _SIDES}
    for _ in range(plan.rounds):
        for side in _SIDES:
            receiver = destinations.counting("http")
            run = child.run("latency", side=side, endpoint=receiver.endpoint, calls=plan.of(RATE * _SECONDS, 5_000))
            table.faults += [f"{side}: {fault}" for fault in child.check(receiver, run)]
            told[side].append(run)
    table.data = {side: summary(runs) for side, runs in told.items()}
    table.rows = [_row(side, table.data[side], table.data["sdk"]) for side in _SIDES]
    return table


def summary(runs: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Put the runs of one side together."""
    return {
        "calls": sum(run["calls"] for run in runs),
        "lost": sum(run["written"] - run["arrived"] for run in runs),
        "rate": statistics.median(run["rate"] for run in runs),
        **{name: statistics.median(run[name] for run in runs) for name in QUANTILES},
    }


def quantiles(samples: Sequence[int], overhead: float) -> dict[str, float]:
    """Give the quantiles of call times.

    Args:
        samples: ns, each with the clock's own cost in it.
        overhead: That cost, ns.
    """
    ordered = sorted(samples)
    last = len(ordered) - 1
    return {name: max(ordered[round(share * last)] - overhead, 0.0) for name, share in QUANTILES.items()}


def _row(side: str, found: Mapping[str, float], sdk: Mapping[str, float]) -> list[str]:
    return [
        TITLES[side],
        number(found["calls"]),
        number(found["calls"] - found["lost"]),
        number(found["lost"]),
        number(found["rate"]),
        *(number(found[name]) for name in QUANTILES),
        *(f"{sdk[name] / max(found[name], 1):.1f}" for name in QUANTILES),
    ]


def main(side: str, endpoint: str, calls: int) -> dict[str, Any]:
    """Run one side.

    Args:
        side: ``ours``, ``spool`` or ``sdk``.
        endpoint: Base URL of the receiver.
        calls: How many are timed.
    """
    found: dict[str, Any] = {"calls": calls, "written": calls + _WARM_UP}
    subject = open_side(side, endpoint, calls + _WARM_UP + 1)
    with child.span(found):
        subject.emit(FIRST_NUMBER, _WARM_UP)
        flushed = subject.flush()
        overhead = statistics.median(_paced(lambda _: None, _WARM_UP))
        begun = time.perf_counter()
        samples = _paced(subject.call, calls)
        found["rate"] = calls / (time.perf_counter() - begun)
    found |= quantiles(samples, overhead)
    found["flushed"] = subject.flush() and flushed
    found["stats"] = subject.stats()
    subject.close()
    return found


def _paced(call: Callable[[int], object], calls: int) -> array[int]:
    """Give the ns of each call, one due every 50 µs; a late one is followed by the next at once."""
    now = time.perf_counter_ns
    samples = array("q", bytes(8 * calls))
    due = now()
    for index in range(calls):
        while now() < due:
            pass
        begun = now()
        call(FIRST_NUMBER + index)
        samples[index] = now() - begun
        due += _INTERVAL_NS
    return samples


if __name__ == "__main__":
    child.answer(main)
