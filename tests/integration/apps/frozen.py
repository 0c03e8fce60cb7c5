"""A function that is called once a line: it logs, flushes within its invocation and says whether that worked."""

from __future__ import annotations

import faulthandler
import json
import sys
from dataclasses import asdict

import fapilog_otel

EACH = 10

faulthandler.enable()
handle = fapilog_otel.configure(preset="serverless", sources=[])
logger = fapilog_otel.get_logger("shop")
print(json.dumps({"up": True}), flush=True)
for number, line in enumerate(sys.stdin):
    for index in range(number * EACH, (number + 1) * EACH):
        logger.info("order placed", index=index)
    flushed = None if line.startswith("unflushed") else handle.flush()
    print(f"invocation {number} {flushed}", flush=True)
print(json.dumps({"stats": asdict(handle.stats()), "balanced": handle.stats().balanced}), flush=True)
