"""Forks five times while its receiver is away, waits for a line, and flushes."""

from __future__ import annotations

import faulthandler
import json
import os
import sys
import time
from dataclasses import asdict

import fapilog_otel

FORKS = 5
EACH = 100

faulthandler.enable()
with fapilog_otel.configure() as handle:
    logger = fapilog_otel.get_logger("shop")
    seconds = 0.0
    for fork in range(FORKS):
        for index in range(fork * EACH, (fork + 1) * EACH):
            logger.info("order placed", index=index)
        assert not handle.flush(0.2)
        started = time.monotonic()
        if (pid := os.fork()) == 0:
            os._exit(0)
        seconds += time.monotonic() - started
        os.waitpid(pid, 0)
    print(json.dumps({"forked": seconds, "written": FORKS * EACH}))
    sys.stdin.readline()
    print(json.dumps({"flushed": handle.flush(20.0)}))
print(json.dumps({"stats": asdict(handle.stats()), "balanced": handle.stats().balanced}))
