"""Logs so many records a second until it is told to stop, then flushes and gives its account."""

from __future__ import annotations

import faulthandler
import json
import os
import sys
import threading
import time
from dataclasses import asdict

import fapilog_otel

TICK = 0.01
RATE = int(os.environ["TEST_RATE"])


def log_on() -> int:
    number, tick = 0, time.monotonic()
    while not done.is_set():
        for _ in range(int(RATE * TICK)):
            log.info("order placed", number=number)
            number += 1
        tick += TICK
        time.sleep(max(0.0, tick - time.monotonic()))
    return number


def listen() -> None:
    sys.stdin.readline()
    done.set()


faulthandler.enable()
retry = {"initial": 0.05, "maximum": 0.2}
spool = os.environ.get("SPOOL") or None
settings = fapilog_otel.Settings(retry=retry, spool=spool, on_full="spill" if spool else "drop")
handle = fapilog_otel.configure(sources=[], settings=settings)
log = fapilog_otel.get_logger("shop")
done = threading.Event()
threading.Thread(target=listen, daemon=True).start()
print(json.dumps({"ready": True}), flush=True)
written = log_on()
flushed = handle.flush(60.0)
handle.shutdown(10.0)
stats = handle.stats()
print(
    json.dumps({"written": written, "flushed": flushed, "stats": asdict(stats), "balanced": stats.balanced}), flush=True
)
