"""Sixty-four threads log as fast as they can, each through one of two ways; says how many records were written."""

from __future__ import annotations

import faulthandler
import json
import logging
import sys
import threading
import time
from dataclasses import asdict

import fapilog_otel

THREADS = 64


def log_by_own(first: int) -> None:
    logger = fapilog_otel.get_logger("shop.own")
    start.wait()
    for index in range(first, first + each):
        logger.info("order placed", index=index)


def log_by_stdlib(first: int) -> None:
    logger = logging.getLogger("shop.stdlib")
    start.wait()
    for index in range(first, first + each):
        logger.info("order placed", extra={"index": index})


faulthandler.enable()
each, log = int(sys.argv[1]), globals()[f"log_by_{sys.argv[2]}"]
handle = fapilog_otel.configure(level="INFO", on_full="block", block_timeout=600.0)
start = threading.Barrier(THREADS + 1)
threads = [threading.Thread(target=log, args=(number * each,)) for number in range(THREADS)]
for thread in threads:
    thread.start()
start.wait()
began = time.monotonic()
for thread in threads:
    thread.join()
logged = time.monotonic()
flushed = handle.flush(600.0)
stats = handle.stats()
print(
    json.dumps(
        {
            "stats": asdict(stats),
            "balanced": stats.balanced,
            "flushed": flushed,
            "logged_s": logged - began,
            "delivered_s": time.monotonic() - began,
        }
    )
)
