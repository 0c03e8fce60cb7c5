"""A measurement's child process: options in, figures out, both as JSON; and what its records must be."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.sdk.trace import TracerProvider

from benchmarks.compare.environments import environment
from benchmarks.compare.paths import ROOT
from benchmarks.compare.verdict import Expected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.compare.destinations import ReceiverProcess

_RUN_SECONDS: Final = 600.0


def run(module: str, **options: object) -> dict[str, Any]:
    """Run a measurement's child and give what it told.

    Args:
        module: Of this package, by its last name.
        **options: For its `main`.

    Raises:
        RuntimeError: It failed.
    """
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.compare.measurements.{module}", json.dumps(options)],
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
        timeout=_RUN_SECONDS,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{module} {options} ended with exit status {done.returncode}")
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def answer(main: Callable[..., dict[str, Any]]) -> None:
    """Call `main` with the options of the command line and print what it gives."""
    sys.stdout.write(json.dumps(main(**json.loads(sys.argv[1]))) + "\n")


@contextmanager
def span(found: dict[str, Any]) -> Iterator[None]:
    """Enter a recording span, and note its ids among the figures."""
    with TracerProvider().get_tracer("benchmark").start_as_current_span("run") as current:
        context = current.get_span_context()
        found["trace_id"] = f"{context.trace_id:032x}"
        found["span_id"] = f"{context.span_id:016x}"
        yield


def check(receiver: ReceiverProcess, told: dict[str, Any], *, may_lose: bool = False) -> list[str]:
    """Parse what arrived, note how many records it was as ``arrived``, and give what was wrong.

    Args:
        receiver: The counting receiver of the run.
        told: What the child said: ``written``, ``flushed``, ``stats``, and the ids of its span.
        may_lose: Whether fewer records may arrive than were written; the library's own account must agree anyway.
    """
    expected = Expected(bytes.fromhex(told["trace_id"]), bytes.fromhex(told["span_id"]))
    found = receiver.examine(expected, told["written"])
    told["arrived"] = found["records"]
    return [*found["faults"], *disagreements(told, may_lose=may_lose)]


def disagreements(told: dict[str, Any], *, may_lose: bool) -> Iterator[str]:
    """Give what does not fit between what was written, what arrived, and what the library counts itself."""
    written, arrived, stats = told["written"], told["arrived"], told["stats"]
    if not may_lose:
        if not told["flushed"]:
            yield "flush did not deliver everything"
        if arrived != written:
            yield f"{written} records were written and {arrived} arrived"
    if stats:
        if (stats["submitted"], stats["delivered"]) != (written, arrived):
            yield f"{written} were written, {arrived} arrived, and the library's own account is {stats}"
        if not stats["balanced"] or stats["submitted"] != sum(
            stats[name] for name in ("delivered", "filtered", "dropped", "failed", "in_flight")
        ):
            yield f"the accounts do not balance: {stats}"
