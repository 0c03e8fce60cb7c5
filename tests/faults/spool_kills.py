"""SIGKILL at random points while a spool is written: nothing acknowledged may be lost.

python -m tests.faults.spool_kills --kills 1000
"""

from __future__ import annotations

import argparse
import os
import random
import select
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import fapilog_otel.delivery.spool.worker  # noqa: F401 - so that children need not
from tests.faults.spool_oracle import RECORDS, Book, everything, write_for_ever

_DRAIN_EVERY = 20
_PATIENCE = 20.0


@dataclass
class Outcome:
    """What came of it; requests, not records, but for ``records``."""

    kills: int = 0
    acknowledged: int = 0
    lost: int = 0
    twice: int = 0
    in_flight: int = 0

    @property
    def records(self) -> int:
        return self.acknowledged * RECORDS

    def __str__(self) -> str:
        return (
            f"{self.kills} kills, {self.records} acknowledged records ({self.acknowledged} requests), "
            f"{self.lost} lost, {self.twice} found again after their deletion was asked for"
        )


def kill(directory: Path, first: int, seed: int, book: Book) -> None:
    """Have a writer killed at some point of its life, its start included; note what it had told."""
    rng = random.Random(seed)
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(read)
            write_for_ever(directory, write, first, seed=seed, sizes=(100, 20_000), segment_bytes=4 << 20)
        finally:
            os._exit(1)
    os.close(write)
    if rng.random() < 0.2:  # while it starts and takes over
        time.sleep(rng.uniform(0.0, 0.1))
    else:
        select.select([read], [], [], _PATIENCE)
        time.sleep(rng.uniform(0.0, 0.25))
    os.kill(pid, signal.SIGKILL)
    told = b""
    while chunk := os.read(read, 1 << 16):
        told += chunk
    os.close(read)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL, f"the writer failed by itself: {status}"
    book.read(told)


def drain(directory: Path, book: Book) -> tuple[set[int], int]:
    """Take and delete all that is there; give what is missing, and how many came twice or after their deletion."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            found, one = everything(directory)
            assert one.spool.stop(20.0)
            with os.fdopen(write, "w") as out:
                out.write("\n".join(map(str, found)))
            code = 0
        finally:
            os._exit(code)
    os.close(write)
    with os.fdopen(read) as inp:
        found = [int(line) for line in inp.read().split()]
    _, status = os.waitpid(pid, 0)
    assert status == 0, "draining failed"
    again = sum(number - 1 for number in Counter(found).values()) + len(set(found) & book.deleted)
    return book.missing(found), again


def run(directory: Path, kills: int, seed: int) -> Outcome:
    """Kill writers one after the other; each takes over what the one before left."""
    outcome = Outcome()
    book = Book()
    for index in range(kills):
        kill(directory, index << 20, seed * 1_000_003 + index, book)
        outcome.kills += 1
        if index % _DRAIN_EVERY == _DRAIN_EVERY - 1 or index == kills - 1:
            missing, again = drain(directory, book)
            outcome.acknowledged += len(book.acknowledged)
            outcome.lost += len(missing)
            outcome.twice += again
            book = Book()
    return outcome


def main() -> int:
    """Run it from the command line; 1 where something was lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        outcome = run(Path(folder) / "spool", options.kills, options.seed)
    print(f"seed {options.seed}: {outcome}")
    return int(outcome.lost > 0)


if __name__ == "__main__":
    sys.exit(main())
