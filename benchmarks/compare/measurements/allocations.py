"""What a warm emit path allocates and does not give back: nothing a record.

One pass counts the interpreter's blocks, the memory of the process, and what the garbage collector had to do; a second
one, under tracemalloc, the Python memory held and the most that was held at once. All is delivered before and after.
"""

from __future__ import annotations

import gc
import sys
import tracemalloc
from typing import TYPE_CHECKING, Any, Final

from benchmarks.compare.measurements import child
from benchmarks.compare.measurements.hanging import memory
from benchmarks.compare.measurements.sides import account
from benchmarks.compare.measurements.table import Plan, Table, number
from benchmarks.compare.workload import FIRST_NUMBER, LOGGER_NAME, SERVICE_NAME, api_logger, own_logger, stdlib_logger

if TYPE_CHECKING:
    from benchmarks.compare.destinations import Destinations
    from benchmarks.compare.workload import Emit
    from fapilog_otel.contracts import EncodedLogs, ExportResult

KEY: Final = "allocations"
PATHS: Final = {"own": "our logger", "api": "OTel API `Logger.emit`, our provider", "stdlib": "`logging` → our source"}
_RECORDS: Final = 1_000_000
_TRACED: Final = 100_000
_PORTION: Final = 50_000
_MOST_ONCE: Final = 500
"""Blocks that caches and pools may take, however many records follow."""
_MOST_A_RECORD: Final = 0.0005
"""Blocks a record that count as none."""


class Nowhere:
    """An exporter that lets every request go."""

    def validate(self) -> None:
        """Accept."""

    async def start(self) -> None:
        """Open nothing."""

    async def export(self, request: EncodedLogs) -> ExportResult:
        """Let it go."""
        from fapilog_otel.contracts import ExportResult

        del request
        return ExportResult()

    async def close(self) -> None:
        """Close nothing."""


def measure(plan: Plan, destinations: Destinations) -> Table:
    """Measure each of our ways of logging."""
    del destinations  # what is encoded goes nowhere
    table = Table(
        KEY,
        "Allocations of the emit path, once it is warm",
        (
            "path",
            "records",
            "blocks kept",
            "a record",
            "Python bytes kept",
            "most at once",
            "process MiB more",
            "collections",
        ),
        note=(
            "Blocks: `sys.getallocatedblocks()`. Python bytes kept, and the most held at once beyond the start: "
            f"tracemalloc, over {number(_TRACED)} records. Collections: of the garbage collector's youngest "
            "generation; it runs when more containers are made than freed, so none means that no call leaves one."
        ),
    )
    for path, title in PATHS.items():
        run = child.run("allocations", path=path, records=plan.of(_RECORDS, 50_000), traced=plan.of(_TRACED, 20_000))
        table.data[path] = run
        table.faults += [f"{path}: {fault}" for fault in faults(run)]
        table.rows.append(
            [
                title,
                number(run["records"]),
                number(run["blocks"]),
                f"{run['blocks'] / run['records']:.5f}",
                number(run["traced_kept"]),
                number(run["traced_peak"]),
                f"{run['process'] / 1024 / 1024:.1f}",
                number(run["collections"]),
            ]
        )
    return table


def faults(run: dict[str, Any]) -> list[str]:
    """Tell what is wrong with a run: blocks that pile up, or records that went missing."""
    found = []
    if run["blocks"] > _MOST_ONCE + run["records"] * _MOST_A_RECORD:
        found.append(f"{run['records']} records left {run['blocks']} blocks behind")
    if run["traced_kept"] > run["traced"]:
        found.append(f"{run['traced']} records left {run['traced_kept']} bytes behind")
    stats = run["stats"]
    if not (run["flushed"] and stats["balanced"] and stats["delivered"] == run["written"]):
        found.append(f"{run['written']} records were written, and the accounts are {stats}")
    return found


def main(path: str, records: int, traced: int) -> dict[str, Any]:
    """Count for one way of logging.

    Args:
        path: A key of `PATHS`.
        records: Of the pass without tracemalloc.
        traced: Of the pass with it.
    """
    import fapilog_otel as fo

    handle = fo.configure(
        exporters={"nowhere": Nowhere()},
        service_name=SERVICE_NAME,
        sources=["stdlib"] if path == "stdlib" else [],
        on_full="block",
        block_timeout=60.0,
    )
    emit = _emit(path)
    found: dict[str, Any] = {"records": records, "traced": traced, "flushed": True}
    written = 0

    def log(count: int) -> None:
        nonlocal written
        for first in range(0, count, _PORTION):
            emit(FIRST_NUMBER, min(_PORTION, count - first))
            found["flushed"] = handle.flush(60.0) and found["flushed"]
        written += count

    with child.span(found):
        log(2 * _PORTION)
        gc.collect()
        found |= _blocks(log, records)
        log(_PORTION)
        found |= _traced(log, traced)
    found |= {"written": written, "stats": account(handle.stats())}
    handle.shutdown()
    return found


def _emit(path: str) -> Emit:
    import logging

    import fapilog_otel as fo

    if path == "api":
        from opentelemetry._logs import get_logger

        return api_logger(get_logger(LOGGER_NAME))
    if path == "stdlib":
        logging.getLogger().setLevel(logging.INFO)
        return stdlib_logger(logging.getLogger(LOGGER_NAME))
    return own_logger(fo.get_logger(LOGGER_NAME))


def _blocks(log: Any, records: int) -> dict[str, int]:
    before = sys.getallocatedblocks(), memory("VmRSS"), gc.get_stats()[0]["collections"]
    log(records)
    after = sys.getallocatedblocks(), memory("VmRSS"), gc.get_stats()[0]["collections"]
    blocks, process, collections = (late - early for late, early in zip(after, before, strict=True))
    return {"blocks": blocks, "process": process, "collections": collections}


def _traced(log: Any, records: int) -> dict[str, int]:
    tracemalloc.start()
    log(_PORTION)  # what tracemalloc itself and the first calls under it take
    gc.collect()
    before, _ = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    log(records)
    after, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return {"traced_kept": after - before, "traced_peak": peak - before}


if __name__ == "__main__":
    child.answer(main)
