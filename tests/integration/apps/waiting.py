"""Logs, twice fails to flush, waits for a line, and flushes again."""

from __future__ import annotations

import faulthandler
import json
import sys
from dataclasses import asdict

import fapilog_otel

RECORDS = 1000

faulthandler.enable()
with fapilog_otel.configure() as handle:
    for index in range(RECORDS):
        fapilog_otel.get_logger("shop").info("order placed", index=index)
    print(json.dumps({"early": [handle.flush(0.5), handle.flush(0.5)]}))
    sys.stdin.readline()
    print(json.dumps({"flushed": handle.flush(20.0)}))
print(json.dumps({"stats": asdict(handle.stats()), "balanced": handle.stats().balanced}))
