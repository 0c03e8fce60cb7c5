"""What a durable request costs: stored, taken and deleted, 150 KB each, eight under way.

| | cycles/s |
|---|---|
| see docs/reliability-figures/spool.md | the figure with its machine and date |

`python -m benchmarks.bench_spool [DIRECTORY]` prints it.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import pytest

from fapilog_otel.delivery.spool import Spool, SpoolPolicy
from fapilog_otel.telemetry.diagnostics import Diagnostics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pytest_benchmark.fixture import BenchmarkFixture

SIZE = 150_000
AT_ONCE = 8
LANES = {9: 1000}


class _Nobody:
    def adopted(self, destination: str, lanes: Mapping[int, int], rows: int) -> None: ...
    def lost(self, destination: str, lanes: Mapping[int, int], reason: str) -> None: ...
    def available(self, destination: str) -> None: ...
    def degraded(self, reason: str) -> None: ...
    def healed(self) -> None: ...


@contextmanager
def _spool(directory: Path) -> Iterator[Spool]:
    spool = Spool(SpoolPolicy(str(directory)), Diagnostics())
    spool.prepare()
    spool.start(("a",), _Nobody())
    yield spool
    assert spool.stop(30.0)


def _write_ahead(spool: Spool, body: bytes) -> None:
    """What a branch does: store, send from memory, delete."""
    for future in [spool.put("a", (body,), LANES) for _ in range(AT_ONCE)]:
        spool.delete(future.result(30.0))


def _from_disk(spool: Spool, body: bytes) -> None:
    """What becomes of a request that has to wait: stored, given back, read, deleted."""
    for future in [spool.put("a", (body,), LANES) for _ in range(AT_ONCE)]:
        spool.give_back(future.result(30.0))
    for row, _ in spool.take("a", AT_ONCE).result(30.0):
        spool.delete(row)


@pytest.mark.parametrize("cycle", [_write_ahead, _from_disk], ids=["write-ahead", "from-disk"])
class TestDurableCycles:
    def test_of_150_kb(
        self, benchmark: BenchmarkFixture, tmp_path: Path, cycle: Callable[[Spool, bytes], None]
    ) -> None:
        body = os.urandom(SIZE)
        with _spool(tmp_path / "spool") as spool:
            benchmark(lambda: cycle(spool, body))


def _rate(directory: Path, cycle: Callable[[Spool, bytes], None], rounds: int) -> float:
    body = os.urandom(SIZE)
    with _spool(directory) as spool:
        cycle(spool, body)
        began = time.perf_counter()
        for _ in range(rounds):
            cycle(spool, body)
        return rounds * AT_ONCE / (time.perf_counter() - began)


def _raw(directory: Path, rounds: int) -> float:
    """Files of 150 KB written and synced one by one: what the disk itself can do."""
    body = os.urandom(SIZE)
    began = time.perf_counter()
    with (directory / "raw").open("wb", buffering=0) as file:
        for _ in range(rounds):
            file.seek(0)
            file.write(body)
            os.fdatasync(file.fileno())
    return rounds / (time.perf_counter() - began)


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as folder:
        for name, cycle in (("write-ahead", _write_ahead), ("from disk", _from_disk)):
            rates = [_rate(Path(folder) / f"{name}-{index}", cycle, 40) for index in range(7)]
            print(f"{name}: median {median(rates):.0f} cycles/s, best {max(rates):.0f} (7 runs of 320 cycles)")
        alone = median(_raw(Path(folder), 100) for _ in range(5))
        print(f"the disk alone: {alone:.0f} writes of 150 KB, each synced, a second")


if __name__ == "__main__":
    main()
