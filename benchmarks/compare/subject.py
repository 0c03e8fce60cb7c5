"""One measured run in a process of its own: log, flush, tell the times as one line of JSON.

::

    warm-up ─► short bursts, flushed after each: what a call costs its caller
            ─► flat out, then flush: what is delivered a second
"""

from __future__ import annotations

import gc
import json
import statistics
import sys
import time
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.sdk.trace import TracerProvider

from benchmarks.compare.groups import VARIANTS
from benchmarks.compare.workload import FIRST_NUMBER, LAST_NUMBER

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.compare.variants import Variant
    from benchmarks.compare.workload import Emit

WARM_UP: Final = 1_000
BURST: Final = 500
BURSTS: Final = 11
FLUSH_SECONDS: Final = 100.0


@dataclass(frozen=True, slots=True)
class Subject:
    """A configured logging library.

    Args:
        emit: Writes so many records, numbered from a first one.
        flush: Delivers all that is pending; tells whether it did.
        stats: What the library itself says it did; empty: it says nothing.
        close: Ends it.
        packages: The distributions that are measured.
        kept: What its destination, in this very process, was given; None: the records left the process.
    """

    emit: Emit
    flush: Callable[[], bool]
    stats: Callable[[], dict[str, Any]]
    close: Callable[[], object]
    packages: tuple[str, ...] = ()
    kept: Callable[[], dict[str, Any]] | None = None


def measure(subject: Subject, records: int) -> dict[str, Any]:
    """Run one subject; call it inside a recording span.

    Args:
        subject: What to measure.
        records: Records of the timed part.

    Returns:
        Times in seconds, ``caller_ns`` per call, and how many records were written before and in the timed part.
    """
    if FIRST_NUMBER + records > LAST_NUMBER:
        raise ValueError(f"at most {LAST_NUMBER - FIRST_NUMBER} records a run")
    flushed = _warm_up(subject)
    caller_ns, bursts_flushed = _bursts(subject)
    gc.collect()
    cpu = time.process_time()
    begun = time.perf_counter()
    subject.emit(FIRST_NUMBER, records)
    written = time.perf_counter()
    flushed = subject.flush() and bursts_flushed and flushed
    ended = time.perf_counter()
    cpu = time.process_time() - cpu
    return {
        "before": WARM_UP + BURST * BURSTS,
        "records": records,
        "caller_ns": caller_ns,
        "written_s": written - begun,
        "elapsed_s": ended - begun,
        "cpu_s": cpu,
        "flushed": flushed,
    }


def _warm_up(subject: Subject) -> bool:
    subject.emit(FIRST_NUMBER, WARM_UP)
    return subject.flush()


def _bursts(subject: Subject) -> tuple[float, bool]:
    times: list[float] = []
    flushed = True
    for _ in range(BURSTS):
        begun = time.perf_counter()
        subject.emit(FIRST_NUMBER, BURST)
        times.append(time.perf_counter() - begun)
        flushed = subject.flush() and flushed
    return statistics.median(times) / BURST * 1e9, flushed


def _build(variant: Variant, endpoint: str, records: int) -> Subject:
    if variant.library == "ours":
        from benchmarks.compare.ours import build_ours

        return build_ours(variant, endpoint, FLUSH_SECONDS)
    if variant.library == "sdk":
        from benchmarks.compare.stock import build_stock

        return build_stock(variant, endpoint, records)
    from benchmarks.compare.peers import build_peer

    return build_peer(variant, endpoint, records)


def main(key: str, endpoint: str, records: int) -> None:
    """Run one variant and print what came of it.

    Args:
        key: The variant's key.
        endpoint: Base URL of the receiver.
        records: Records of the timed part.
    """
    subject = _build(VARIANTS[key], endpoint, records)
    tracer = TracerProvider().get_tracer("benchmark")
    with tracer.start_as_current_span("run") as span:
        found = measure(subject, records)
        context = span.get_span_context()
    found["stats"] = subject.stats()
    found["kept"] = subject.kept() if subject.kept else None
    found["versions"] = {package: version(package) for package in subject.packages}
    subject.close()
    found["trace_id"] = f"{context.trace_id:032x}"
    found["span_id"] = f"{context.span_id:016x}"
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
