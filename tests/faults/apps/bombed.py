"""Logs and flushes when it is told to, and tells how large it has been meanwhile."""

from __future__ import annotations

import faulthandler
import json
import sys
from dataclasses import asdict
from pathlib import Path

import fapilog_otel


def peak() -> int:
    """Resident memory at most since the last reset, bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def reset_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


faulthandler.enable()
settings = fapilog_otel.Settings(retry={"initial": 0.05, "maximum": 0.1})
handle = fapilog_otel.configure(sources=[], settings=settings)
log = fapilog_otel.get_logger("shop")
number = 0
for line in sys.stdin:
    count = int(line)
    reset_peak()
    before = peak()
    for _ in range(count):
        log.info("order placed", number=number)
        number += 1
    flushed = handle.flush(30.0)
    stats = handle.stats()
    answer = {"flushed": flushed, "before": before, "peak": peak(), "stats": asdict(stats), "balanced": stats.balanced}
    print(json.dumps(answer), flush=True)
