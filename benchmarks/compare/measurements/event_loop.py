"""How long an asyncio loop is held up while its tasks log flat out.

A task logs ten records a turn, and gives way; a timer is due every millisecond, and notes how late it is called. A
burst is 250 000 records, which our default queue holds: nothing may be lost. Between bursts everything is delivered.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from typing import TYPE_CHECKING, Any, Final

from benchmarks.compare.measurements import child
from benchmarks.compare.measurements.sides import SIDES, TITLES, open_side
from benchmarks.compare.measurements.table import Plan, Table, number, rounded
from benchmarks.compare.workload import FIRST_NUMBER

if TYPE_CHECKING:
    from benchmarks.compare.destinations import Destinations
    from benchmarks.compare.measurements.sides import Side

KEY: Final = "event-loop"
_BURST: Final = 250_000
_BURSTS: Final = 5
_A_TURN: Final = 10
_TICK_SECONDS: Final = 0.001
_WARM_UP: Final = 1_000


class Ticker:
    """A timer on the running loop, called anew each millisecond; notes the largest delay."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.worst = 0.0
        self._due = loop.time() + _TICK_SECONDS
        self._handle = loop.call_at(self._due, self._tick)

    def _tick(self) -> None:
        self.worst = max(self.worst, self._loop.time() - self._due)
        self._due = self._loop.time() + _TICK_SECONDS
        self._handle = self._loop.call_at(self._due, self._tick)

    def stop(self) -> float:
        """End it, and give the largest delay, seconds; what is due now counts."""
        self._handle.cancel()
        return max(self.worst, self._loop.time() - self._due)


def measure(plan: Plan, destinations: Destinations) -> Table:
    """Measure both sides, one after the other."""
    burst = plan.of(_BURST)
    table = Table(
        KEY,
        "asyncio: how late the loop is while a task logs flat out",
        ("side", "accepted", "delivered", "lost", "worst lag of a burst, ms", "records/s delivered", "x lag", "x rate"),
        note=(
            f"Bursts of {number(burst)} records, {_A_TURN} a turn of the loop, default settings; the SDK's queue holds "
            "a burst. The lag is the median over the bursts of the largest delay of a timer due each millisecond; "
            "records/s counts from the first call of a burst until its flush has returned."
        ),
    )
    runs = {}
    for side in SIDES:
        receiver = destinations.counting("http")
        run = child.run("event_loop", side=side, endpoint=receiver.endpoint, burst=burst, bursts=_BURSTS)
        table.faults += [f"{side}: {fault}" for fault in child.check(receiver, run)]
        runs[side] = run
    table.data = runs
    sdk = runs["sdk"]
    table.rows = [
        [
            TITLES[side],
            number(run["written"]),
            number(run["arrived"]),
            number(run["written"] - run["arrived"]),
            f"{run['lag_ms']:.1f}",
            rounded(run["rate"]),
            f"{sdk['lag_ms'] / max(run['lag_ms'], 0.001):.1f}",
            f"{run['rate'] / sdk['rate']:.1f}",
        ]
        for side, run in runs.items()
    ]
    return table


def main(side: str, endpoint: str, burst: int, bursts: int) -> dict[str, Any]:
    """Run one side.

    Args:
        side: ``ours`` or ``sdk``.
        endpoint: Base URL of the receiver.
        burst: Records of a burst.
        bursts: How many.
    """
    found: dict[str, Any] = {"written": burst * bursts + _WARM_UP}
    subject = open_side(side, endpoint, burst + _WARM_UP)
    with child.span(found):
        subject.emit(FIRST_NUMBER, _WARM_UP)
        flushed = subject.flush()
        results = asyncio.run(_bursts(subject, burst, bursts))
    found["lags_ms"] = [lag * 1000 for lag, _, _ in results]
    found["lag_ms"] = statistics.median(found["lags_ms"])
    found["rate"] = statistics.median(burst / seconds for _, seconds, _ in results)
    found["flushed"] = flushed and all(done for _, _, done in results)
    found["stats"] = subject.stats()
    subject.close()
    return found


async def _bursts(subject: Side, burst: int, bursts: int) -> list[tuple[float, float, bool]]:
    """Give of each burst the largest delay, the seconds until it was delivered, and whether it was."""
    results = []
    for _ in range(bursts):
        begun = time.perf_counter()
        ticker = Ticker(asyncio.get_running_loop())
        for first in range(0, burst, _A_TURN):
            subject.emit(FIRST_NUMBER + first, min(_A_TURN, burst - first))
            await asyncio.sleep(0)
        lag = ticker.stop()
        done = await asyncio.to_thread(subject.flush)
        results.append((lag, time.perf_counter() - begun, done))
    return results


if __name__ == "__main__":
    child.answer(main)
