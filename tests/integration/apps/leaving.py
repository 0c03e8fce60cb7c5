"""Logs two thousand records and leaves at once, in the way that it is told."""

from __future__ import annotations

import asyncio
import atexit
import faulthandler
import json
import logging
import os
import signal
import sys
import time
from dataclasses import asdict

import fapilog_otel

RECORDS = 2000


def report() -> None:
    stats = handle.stats()
    print(json.dumps({"stats": asdict(stats), "balanced": stats.balanced}))


def log(indexes: range = range(0, RECORDS, 2)) -> None:
    own, stdlib = fapilog_otel.get_logger("shop.own"), logging.getLogger("shop.stdlib")
    for index in indexes:
        own.info("order placed", index=index)
        stdlib.info("order placed", extra={"index": index + 1})


async def log_in_loop(indexes: range) -> None:
    log(indexes)
    await asyncio.sleep(0)


def log_in_closed_loops() -> None:
    """Records from two loops that are closed when the process leaves."""
    asyncio.run(log_in_loop(range(0, RECORDS, 4)))
    asyncio.run(log_in_loop(range(2, RECORDS, 4)))


def leave(way: str) -> None:
    print(json.dumps({"leaving": time.monotonic(), "pid": os.getpid()}), flush=True)
    if way == "os_exit":
        os._exit(7)
    if way == "sys_exit":
        sys.exit(3)
    if way == "uncaught":
        raise ValueError("the application's own")
    if way in ("sigterm", "sigterm_own_handler", "interrupt"):
        while True:
            time.sleep(0.05)  # not signal.pause(): the signal may come just before it, and is then waited for in vain


faulthandler.enable()
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in what a shell has put into the background
atexit.register(report)  # before the bridge's own, so that it runs after it
if sys.argv[1] == "sigterm_own_handler":
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(5))
handle = fapilog_otel.configure()
if sys.argv[1] == "closed_loop":
    log_in_closed_loops()
else:
    log()
leave(sys.argv[1])
