"""A writer on a disk that fails: what it was told of each request, for `strace -e inject` around it.

python -m tests.faults.spool_disks DIRECTORY COUNT SECONDS
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fapilog_otel.delivery.spool import SpoolError
from tests.faults.spool_oracle import request
from tests.unit.delivery.spool.spools import started


def write(directory: Path, count: int, pause: float) -> dict[str, object]:
    """Store requests one after the other; give what became of each, and what the host heard."""
    rng = random.Random(7)
    one = started(directory)
    stored: list[list[object]] = []
    refused: list[list[object]] = []
    slowest = 0.0
    for number in range(1, count + 1):
        began = time.monotonic()
        future = one.spool.put("a", (request(number, 2000, rng),), {9: 1})
        try:
            stored.append([number, future.result(10).file])
        except SpoolError as error:
            refused.append([number, error.reason])
        slowest = max(slowest, time.monotonic() - began)
        time.sleep(pause)
    stopped = one.spool.stop(10.0)
    calls = [list(call) for call in one.host.calls]
    return {"stored": stored, "refused": refused, "slowest": slowest, "stopped": stopped, "host": calls}


def under_strace(directory: Path, count: int, pause: float, inject: str) -> dict[str, object]:
    """Run the writer with system calls that fail; give what it reports."""
    command = [
        "strace", "-f", "-o", "/dev/null", "-e", "trace=fsync,fdatasync,pread64,pwrite64", "-e", f"inject={inject}",
        sys.executable, "-m", "tests.faults.spool_disks", str(directory), str(count), str(pause),
    ]  # fmt: skip
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=100)
    report: dict[str, object] = json.loads(done.stdout)
    report["said"] = done.stderr
    return report


@contextmanager
def small_disk(where: Path, mebibytes: int = 2) -> Iterator[Path]:
    """A file system in memory of so many MiB; needs root, and fails loudly without."""
    where.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m,mode=0700", "tmpfs", str(where)], check=True)
    try:
        yield where
    finally:
        subprocess.run(["umount", "-l", str(where)], check=True)


if __name__ == "__main__":
    print(json.dumps(write(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))))
