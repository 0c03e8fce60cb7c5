"""Logs at a steady rate, phase after phase, and tells for each how long a call took and how large the process is."""

from __future__ import annotations

import faulthandler
import json
import os
import sys
import time
from array import array
from dataclasses import asdict
from pathlib import Path

import structlog  # noqa: F401 - diagnostics load it with their first line, 5 MB that are not the queue's

import fapilog_otel

TICK = 0.01
BUCKET = 50
"""Nanoseconds."""
DETAIL = "x" * int(os.environ.get("TEST_DETAIL", "200"))
histogram = array("Q", bytes(8 * 200_000))  # made once: what is measured must not grow with the measurements


def resident() -> int:
    """Resident memory of this process, bytes."""
    with Path("/proc/self/statm").open("rb") as file:
        return int(file.read().split()[1]) * 4096


def phase(name: str, seconds: float, rate: int) -> dict[str, object]:
    each, calls, largest = max(1, int(rate * TICK)), 0, resident()
    histogram[:] = array("Q", bytes(8 * len(histogram)))
    started = tick = time.monotonic()
    while tick - started < seconds:
        for _ in range(each):
            before = time.perf_counter_ns()
            log.info("order placed", index=calls, detail=DETAIL)
            histogram[min((time.perf_counter_ns() - before) // BUCKET, len(histogram) - 1)] += 1
            calls += 1
        if calls % (each * 50) == 0:
            largest = max(largest, resident())
        tick += TICK
        time.sleep(max(0.0, tick - time.monotonic()))
    shares = {share: percentile(float(share) * calls) for share in ("0.5", "0.99", "0.999")}
    return {"phase": name, "calls": calls, "ns": shares, "rss": max(largest, resident())}


def percentile(rank: float) -> int:
    """The nanoseconds that so many calls took at most."""
    seen = 0
    for bucket, count in enumerate(histogram):
        seen += count
        if seen >= rank:
            return (bucket + 1) * BUCKET
    raise AssertionError("more calls than were made")


faulthandler.enable()
handle = fapilog_otel.configure(sources=[])
log = fapilog_otel.get_logger("shop")
print(json.dumps({"ready": True}), flush=True)
for line in sys.stdin:
    word = line.split()
    if not word or word[0] == "end":
        break
    if word[0] == "flush":
        print(json.dumps({"flushed": handle.flush(float(word[1]))}), flush=True)
    else:
        print(json.dumps({"done": word[0], **phase(word[0], float(word[1]), int(word[2]))}), flush=True)
handle.shutdown(2.0)
print(json.dumps({"stats": asdict(handle.stats()), "balanced": handle.stats().balanced}), flush=True)
