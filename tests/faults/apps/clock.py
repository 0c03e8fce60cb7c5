"""Logs twenty records a second, and does what it is told meanwhile; its wall clock is somebody else's to set."""

from __future__ import annotations

import faulthandler
import json
import sys
import threading
import time
from dataclasses import asdict

import structlog  # noqa: F401 - diagnostics load it with their first line: under libfaketime that alone takes seconds

import fapilog_otel

PAUSE = 0.05


def log_on() -> None:
    number = 0
    while not done.wait(PAUSE):
        log.info("order placed", number=number)
        number += 1


faulthandler.enable()
retry = {"initial": 0.1, "maximum": 0.2}
handle = fapilog_otel.configure(sources=[], settings=fapilog_otel.Settings(retry=retry))
log = fapilog_otel.get_logger("shop")
done = threading.Event()
logging = threading.Thread(target=log_on)
logging.start()
for line in sys.stdin:
    word, _, seconds = line.strip().partition(" ")
    started = time.monotonic()
    if word == "now":
        result = time.time()
    elif word == "flush":
        log.info("pending", number=-1)
        result = handle.flush(float(seconds))
    else:
        done.set()
        logging.join()
        started = time.monotonic()
        result = handle.shutdown(float(seconds))
    taken = time.monotonic() - started
    stats = handle.stats()
    answer = {"result": result, "seconds": taken, "stats": asdict(stats), "balanced": stats.balanced}
    print(json.dumps(answer), flush=True)
