"""Runs subjects against their destinations, alternating, and keeps what each run gave."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from benchmarks.compare.destinations import Destinations
from benchmarks.compare.environments import UnavailableError, environment, interpreter
from benchmarks.compare.paths import ROOT
from benchmarks.compare.verdict import Expected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from benchmarks.compare.variants import Group, Variant

_RUN_SECONDS: Final = 240.0


@dataclass(frozen=True, slots=True)
class Run:
    """One measured run.

    Args:
        variant: What was measured.
        accepted: Log calls of the timed part.
        lost: Those whose record did not arrive.
        elapsed: Seconds from the first of them until flush had returned.
        written: Seconds that the calls took, waiting for room included.
        cpu: Seconds of processor time of the sending process meanwhile, its threads and the kernel included.
        caller_ns: ns a call in a short burst into an idle library, the median of several bursts.
        requests: Requests that arrived, those of warm-up and bursts included.
        bytes_a_record: Bytes on the wire before compression, divided by the records.
        faults: What was wrong with what arrived or with the run.
        versions: Of the library and of the SDK that it stands on.
    """

    variant: Variant
    accepted: int
    lost: int
    elapsed: float
    written: float
    cpu: float
    caller_ns: float
    requests: int
    bytes_a_record: float
    faults: tuple[str, ...]
    versions: tuple[tuple[str, str], ...] = ()

    @property
    def delivered(self) -> int:
        """Records that arrived."""
        return self.accepted - self.lost

    @property
    def rate(self) -> float:
        """Records delivered a second."""
        return self.delivered / self.elapsed


@dataclass(slots=True)
class Session:
    """What a session gave.

    Args:
        runs: By variant key.
        left_out: Why a variant was not measured, by its key.
    """

    runs: dict[str, list[Run]] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


def run_all(groups: Sequence[Group], rounds: int, scale: float, progress: Callable[[Run], None]) -> Session:
    """Measure every variant ``rounds`` times, each next to the others of its group.

    Args:
        groups: What to measure.
        rounds: How often.
        scale: Multiplies the records of each run.
        progress: Told of each run.
    """
    session = Session()
    with Destinations() as destinations:
        for variant in _schedule(groups, rounds):
            if variant.key in session.left_out:
                continue
            try:
                run = _run(variant, destinations, max(1, round(variant.records * scale)))
            except UnavailableError as error:
                session.left_out[variant.key] = str(error)
                print(f"{variant.key:26} left out: {error}", flush=True)
            else:
                session.runs.setdefault(variant.key, []).append(run)
                progress(run)
    return session


def _schedule(groups: Sequence[Group], rounds: int) -> Iterator[Variant]:
    """Alternate; every second round backwards, so that nobody always comes first. In two groups is measured once."""
    for number in range(rounds):
        seen: set[str] = set()
        for group in groups:
            for variant in group.variants if number % 2 == 0 else reversed(group.variants):
                if variant.key not in seen:
                    seen.add(variant.key)
                    yield variant


def _run(variant: Variant, destinations: Destinations, records: int) -> Run:
    python = interpreter(variant)
    with destinations.opened(variant) as destination:
        told = _subject(python, variant, destination.endpoint, records)
        written = told["before"] + told["records"]
        if variant.signal:
            expected = Expected(bytes.fromhex(told["trace_id"]), bytes.fromhex(told["span_id"]), variant.signal)
            found = destination.examine(expected, 0 if variant.may_lose else written)
        else:
            found = told["kept"]
    return Run(
        variant=variant,
        accepted=told["records"],
        lost=written - found["records"],
        elapsed=told["elapsed_s"],
        written=told["written_s"],
        cpu=told["cpu_s"],
        caller_ns=told["caller_ns"],
        requests=found["requests"],
        bytes_a_record=found["size"] / max(1, found["records"]),
        faults=(*found["faults"], *_disagreements(variant, told, found["records"])),
        versions=tuple(told["versions"].items()),
    )


def _subject(python: str, variant: Variant, endpoint: str, records: int) -> dict[str, Any]:
    done = subprocess.run(
        [python, "-m", "benchmarks.compare.subject", variant.key, endpoint, str(records)],
        cwd=ROOT,
        env=environment(FAPILOG_OTEL_NATIVE="1" if variant.native else "0"),
        stdout=subprocess.PIPE,
        text=True,
        timeout=_RUN_SECONDS,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{variant.key} ended with exit status {done.returncode}")
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def _disagreements(variant: Variant, told: dict[str, Any], arrived: int) -> Iterator[str]:
    written = told["before"] + told["records"]
    stats = told["stats"]
    if not told["flushed"]:
        yield "flush did not deliver everything"
    if arrived != written and not variant.may_lose:
        yield f"{written} records were written and {arrived} arrived"
    if stats and (stats["submitted"], stats["delivered"], stats["balanced"]) != (written, arrived, True):
        yield f"the library's own account is {stats}"
