"""Logs two thousand records and leaves at once, in the way that it is told."""

from __future__ import annotations

import atexit
import faulthandler
import json
import logging
import os
import sys
import time
from dataclasses import asdict

import fapilog_otel

RECORDS = 2000


def report() -> None:
    stats = handle.stats()
    print(json.dumps({"stats": asdict(stats), "balanced": stats.balanced}))


def log() -> None:
    own, stdlib = fapilog_otel.get_logger("shop.own"), logging.getLogger("shop.stdlib")
    for index in range(0, RECORDS, 2):
        own.info("order placed", index=index)
        stdlib.info("order placed", extra={"index": index + 1})


def leave(way: str) -> None:
    print(json.dumps({"leaving": time.monotonic(), "pid": os.getpid()}))
    if way == "sys_exit":
        sys.exit(3)
    if way == "uncaught":
        raise ValueError("the application's own")
    if way == "sigterm":
        while True:
            time.sleep(0.05)  # not signal.pause(): the signal may come just before it, and is then waited for in vain


faulthandler.enable()
atexit.register(report)  # before the bridge's own, so that it runs after it
handle = fapilog_otel.configure()
log()
leave(sys.argv[1])
