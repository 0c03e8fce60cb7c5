"""A collector that takes connections and never answers, for the whole run: the memory that this may cost."""

from __future__ import annotations

import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.compare.measurements import child
from benchmarks.compare.measurements.sides import open_side
from benchmarks.compare.measurements.table import Plan, Table, number
from benchmarks.compare.workload import FIRST_NUMBER

if TYPE_CHECKING:
    from benchmarks.compare.destinations import Destinations

KEY: Final = "hanging"
QUEUE_BYTES: Final = 64 * 1024 * 1024
_RECORDS: Final = 2_000_000
_PORTION: Final = 100_000
_SLACK: Final = 0.10
_WARM_UP: Final = 100
_MIB: Final = 1024 * 1024


def measure(plan: Plan, destinations: Destinations) -> Table:
    """Measure ours."""
    del destinations  # nothing arrives anywhere
    table = Table(
        KEY,
        "A collector that hangs for the whole run",
        ("side", "accepted", "delivered", "lost and counted", "waiting", "base MiB", "peak MiB", "allowed MiB"),
        note=(
            f"`max_queue_bytes` is {QUEUE_BYTES // _MIB} MiB, `on_full` is `drop`. Allowed: base (the process once it "
            f"is configured and has logged {_WARM_UP} records) and {1 + _SLACK:.0%} of the queue."
        ),
    )
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        # The kernel completes connections for the backlog; nobody reads.
        endpoint = f"http://127.0.0.1:{server.getsockname()[1]}"
        run = child.run("hanging", endpoint=endpoint, records=plan.of(_RECORDS, 400_000))
    stats = run["stats"]
    table.data = run
    table.faults = faults(run)
    table.rows = [
        [
            "our logger",
            number(run["written"]),
            number(stats["delivered"]),
            number(stats["dropped"] + stats["failed"]),
            number(stats["in_flight"]),
            *(f"{value / _MIB:.1f}" for value in (run["base"], run["peak"], allowed(run["base"]))),
        ]
    ]
    return table


def allowed(base: int) -> float:
    """Give the bytes that the process may take at most."""
    return base + QUEUE_BYTES * (1 + _SLACK)


def faults(run: dict[str, Any]) -> list[str]:
    """Tell what is wrong with a run: memory, or accounts."""
    found = []
    if run["peak"] > allowed(run["base"]):
        found.append(f"the process took {run['peak']} bytes, {allowed(run['base']):.0f} are allowed")
    stats = run["stats"]
    if stats["submitted"] != run["written"] or stats["delivered"] or not stats["balanced"]:
        found.append(f"{run['written']} records were written to nobody, and the accounts are {stats}")
    if not stats["dropped"]:
        found.append("nothing was dropped: the queue was never full, so its bound was not tested")
    return found


def main(endpoint: str, records: int) -> dict[str, Any]:
    """Log into nothing.

    Args:
        endpoint: Base URL of what never answers.
        records: How many.
    """
    found: dict[str, Any] = {"written": records + _WARM_UP}
    subject = open_side("ours", endpoint, max_queue_bytes=QUEUE_BYTES, on_full="drop")
    with child.span(found):
        subject.emit(FIRST_NUMBER, _WARM_UP)
        time.sleep(0.2)  # lets the pipeline's thread start, which belongs to the base
        found["base"] = memory("VmRSS")
        for first in range(0, records, _PORTION):
            subject.emit(FIRST_NUMBER, min(_PORTION, records - first))
    found["stats"] = subject.stats()
    subject.close()
    found["peak"] = memory("VmHWM")
    return found


def memory(name: str) -> int:
    """Give a figure of this process's memory, bytes.

    Args:
        name: ``VmRSS``, what it has now, or ``VmHWM``, the most that it has had.
    """
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"the kernel does not tell {name}")


if __name__ == "__main__":
    child.answer(main)
