"""Torn logs and flipped bits: only whole requests are ever given out, and the spool always starts.

python -m tests.faults.spool_damage --count 1000
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.faults.spool_oracle import RECORDS, everything, number_of, request
from tests.unit.delivery.spool.spools import PATIENCE, in_child, started

_REQUESTS = 120


@dataclass
class Outcome:
    """What came of it."""

    cases: int = 0
    given_out: int = 0
    gaps: int = 0
    counted_lost: int = 0
    put_aside: int = 0
    unchanged: int = 0

    def __str__(self) -> str:
        return (
            f"{self.cases} damaged spools started, {self.given_out} of {self.cases * _REQUESTS} requests given out, "
            f"all of them whole; {self.gaps} with a gap, {self.put_aside} put aside, {self.counted_lost} requests "
            f"counted as lost, {self.unchanged} without any effect"
        )


def original(directory: Path) -> None:
    """Leave what a killed process leaves: a database that is partly written back, and a log."""

    def work() -> None:
        rng = random.Random(1)
        one = started(directory, segment_bytes=16 << 20)
        for number in range(1, _REQUESTS + 1):
            one.spool.put("a", (request(number, rng.randint(1000, 12_000), rng),), {9: RECORDS}).result(PATIENCE)

    in_child(work)


def torn(directory: Path, rng: random.Random) -> None:
    """Cut the log, or let a part of its end hold something else."""
    (log,) = (path for path in directory.iterdir() if path.name.endswith("-wal"))
    content = bytearray(log.read_bytes())
    at = rng.randrange(len(content))
    if rng.random() < 0.5:
        del content[at:]
    else:
        content[at:] = rng.choice((bytes(len(content) - at), rng.randbytes(len(content) - at)))
    log.write_bytes(content)


def flipped(directory: Path, rng: random.Random) -> None:
    """Flip one bit of the database or of its log."""
    found = [path for path in directory.iterdir() if path.name.endswith((".db", "-wal"))]
    path = rng.choices(found, [path.stat().st_size for path in found])[0]
    at = rng.randrange(path.stat().st_size)
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1 << rng.randrange(8)]))


def written_back(directory: Path) -> None:
    """Have all in the database and nothing in the log."""
    import sqlite3

    (path,) = (path for path in directory.iterdir() if path.name.endswith(".db"))
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def judge(base: Path, damage: Callable[[Path, random.Random], None], count: int, seed: int, folder: Path) -> Outcome:
    """Damage copies, and start a spool on each."""
    outcome = Outcome()
    for index in range(count):
        directory = folder / f"case-{index}"
        shutil.copytree(base, directory)
        directory.chmod(0o700)
        damage(directory, random.Random(seed * 1_000_003 + index))
        found, one = everything(directory)  # raises where a payload is wrong
        probe = request(9999, 50, random.Random(index))
        row = one.spool.put("a", (probe,), {9: 1}).result(PATIENCE)
        one.spool.give_back(row)
        assert [number_of(body) for _, body in one.take()] == [9999]
        one.spool.delete(row)
        assert one.spool.stop(PATIENCE)
        assert set(found) <= set(range(1, _REQUESTS + 1)), f"case {index}: what was never stored"
        assert len(found) == len(set(found)), f"case {index}: twice"
        outcome.cases += 1
        outcome.given_out += len(found)
        outcome.gaps += sorted(found) != list(range(1, len(found) + 1))
        outcome.counted_lost += sum(one.host.lost_records().values()) // RECORDS
        outcome.put_aside += any("corrupt" in path.name for path in directory.iterdir())
        outcome.unchanged += len(found) == _REQUESTS
        shutil.rmtree(directory)
    return outcome


def run(kind: str, count: int, seed: int) -> Outcome:
    """Judge one kind of damage: ``torn``, ``flipped``, or ``flipped in the database``."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        base = Path(folder) / "base"
        original(base)
        for path in base.iterdir():
            if path.name.endswith(("-shm", ".ballast", ".lock")):
                path.unlink()
        if kind == "flipped in the database":
            written_back(base)
        outcome = judge(base, torn if kind == "torn" else flipped, count, seed, Path(folder))
    if kind == "torn":
        assert outcome.gaps == 0, "a torn log gave more than a clean prefix"
    return outcome


def main() -> int:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    for kind in ("torn", "flipped", "flipped in the database"):
        print(f"{kind}, seed {options.seed}: {run(kind, options.count, options.seed)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
