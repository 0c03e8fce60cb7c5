"""Runs subjects against receivers, alternating, and keeps what each run gave."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from typing_extensions import Self

    from benchmarks.compare.variants import Group, Variant

ROOT: Final = Path(__file__).resolve().parents[2]
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

    @property
    def delivered(self) -> int:
        """Records that arrived."""
        return self.accepted - self.lost

    @property
    def rate(self) -> float:
        """Records delivered a second."""
        return self.delivered / self.elapsed


class ReceiverProcess:
    """A receiver in a process of its own; a context manager."""

    def __init__(self, protocol: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.compare.receiver", protocol],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=_environment(),
        )
        self.endpoint = f"http://127.0.0.1:{self._read()['port']}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def ask(self, **command: object) -> dict[str, Any]:
        """Send a command and give its answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the receiver has died")
        answer: dict[str, Any] = json.loads(line)
        return answer


def run_all(
    groups: Sequence[Group], rounds: int, scale: float, progress: Callable[[Run], None]
) -> dict[str, list[Run]]:
    """Measure every variant ``rounds`` times, each next to the others of its group.

    Args:
        groups: What to measure.
        rounds: How often.
        scale: Multiplies the records of each run.
        progress: Told of each run.

    Returns:
        The runs by variant key.
    """
    runs: dict[str, list[Run]] = {}
    with ReceiverProcess("http") as http, ReceiverProcess("grpc") as grpc:
        for variant in _schedule(groups, rounds):
            receiver = grpc if variant.protocol == "grpc" else http
            run = _run(variant, receiver, max(1, round(variant.records * scale)))
            runs.setdefault(variant.key, []).append(run)
            progress(run)
    return runs


def _schedule(groups: Sequence[Group], rounds: int) -> Iterator[Variant]:
    """Alternate; every second round backwards, so that nobody always comes first."""
    for number in range(rounds):
        for group in groups:
            yield from group.variants if number % 2 == 0 else reversed(group.variants)


def _run(variant: Variant, receiver: ReceiverProcess, records: int) -> Run:
    receiver.ask(do="clear")
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.compare.subject", variant.key, receiver.endpoint, str(records)],
        cwd=ROOT,
        env=_environment(FAPILOG_OTEL_NATIVE="1" if variant.native else "0"),
        stdout=subprocess.PIPE,
        text=True,
        timeout=_RUN_SECONDS,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{variant.key} ended with exit status {done.returncode}")
    told = json.loads(done.stdout.splitlines()[-1])
    found = receiver.ask(do="examine", trace_id=told["trace_id"], span_id=told["span_id"])
    lost = told["before"] + told["records"] - found["records"]
    return Run(
        variant=variant,
        accepted=told["records"],
        lost=lost,
        elapsed=told["elapsed_s"],
        written=told["written_s"],
        cpu=told["cpu_s"],
        caller_ns=told["caller_ns"],
        requests=found["requests"],
        bytes_a_record=found["size"] / max(1, found["records"]),
        faults=(*found["faults"], *_disagreements(variant, told, found["records"])),
    )


def _disagreements(variant: Variant, told: dict[str, Any], arrived: int) -> Iterator[str]:
    written = told["before"] + told["records"]
    stats = told["stats"]
    if not told["flushed"]:
        yield "flush did not deliver everything"
    if arrived != written and not variant.may_lose:
        yield f"{written} records were written and {arrived} arrived"
    if stats and (stats["submitted"], stats["delivered"], stats["balanced"]) != (written, arrived, True):
        yield f"the library's own account is {stats}"


def _environment(**more: str) -> dict[str, str]:
    """Give the environment without what would configure either side."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "FAPILOG_OTEL_"))}
    return {**kept, **more}
