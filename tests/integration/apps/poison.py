"""Makes every bad call of the table, a good one before and after each, and says what reached it."""

from __future__ import annotations

import json
import logging
import sys
import warnings

import fapilog_otel as fo
from tests.integration.poison_calls import KINDS, Ways, scope_of


def call_all(handle: fo.Handle, only: list[str]) -> dict[str, str]:
    """Give what reached the application, by kind."""
    good = fo.get_logger("good")
    reached: dict[str, str] = {}
    for number, (name, kind) in enumerate(KINDS.items()):
        if only and name not in only:
            continue
        good.info("good", number=number)
        scope = scope_of(name)
        ways = Ways(fo.get_logger(scope), handle.provider.get_logger(scope), logging.getLogger(scope))
        ways.std.setLevel(logging.DEBUG)
        try:
            kind.call(ways)
        except BaseException as error:
            if kind.raises is None or not isinstance(error, kind.raises):
                reached[name] = type(error).__name__
        else:
            if kind.raises is not None:
                reached[name] = "logging did not raise"
    return reached


if __name__ == "__main__":
    logging.getLogger().addHandler(logging.NullHandler())  # stdlib's own would stumble over them on stderr
    warnings.simplefilter("ignore")
    # One request, or as few as the receiver's limit allows.
    handle = fo.configure(level="TRACE", schedule_delay=30.0, max_request_size=3 << 20, shutdown_timeout=30.0)
    reached = call_all(handle, sys.argv[1:])
    clean = handle.shutdown()
    stats = handle.stats()
    print(
        json.dumps(
            {
                "reached": reached,
                "clean": clean,
                "balanced": stats.balanced,
                "submitted": stats.submitted,
                "delivered": stats.delivered,
                "dropped": dict(stats.dropped_by_reason),
                "failed": dict(stats.failed_by_reason),
            }
        )
    )
