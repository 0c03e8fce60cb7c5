"""Load that no queue can hold, while nobody takes it: what is given up is the least severe.

::

    python -m tests.faults.shedding --long      1 000 000 DEBUG and 1 000 ERROR from four threads, receiver down
"""

from __future__ import annotations

import argparse
import json
import threading
import time
from typing import Any, NamedTuple

import fapilog_otel as fo

DEAD = "http://127.0.0.1:1"
THREADS = 4


class Outcome(NamedTuple):
    """What became of the load.

    Args:
        errors_dropped_at_once: The most ERROR records that were dropped while one of a lower severity was queued.
        stats: The account before shutdown.
        seconds: How long the logging took.
    """

    errors_dropped_at_once: int
    stats: Any
    seconds: float


def overload(debug: int, errors: int, max_queue_bytes: int = 1 << 20) -> Outcome:
    """Log from four threads into a bridge whose receiver is down.

    Args:
        debug: DEBUG records.
        errors: ERROR records, spread evenly among them.
        max_queue_bytes: Bound of the queue, bytes.
    """
    handle = fo.configure(
        endpoint=DEAD, sources=[], level="DEBUG", max_queue_bytes=max_queue_bytes, shutdown_timeout=0.2
    )
    worst = 0
    stop = threading.Event()

    def watch() -> None:
        nonlocal worst
        while not stop.wait(0.01):
            lanes = handle.stats().lanes
            if lanes["debug"].in_flight:
                worst = max(worst, lanes["error"].dropped)

    def log(thread: int) -> None:
        logger: Any = fo.get_logger("load")
        every = max(debug // errors, 1)
        for number in range(thread, debug, THREADS):
            logger.debug("filling the queue", number=number)
            if number % every == 0 and number // every < errors:
                logger.error("must not be lost", number=number)

    watcher = threading.Thread(target=watch)
    threads = [threading.Thread(target=log, args=(number,)) for number in range(THREADS)]
    started = time.monotonic()
    for thread in (watcher, *threads):
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.monotonic() - started
    stop.set()
    watcher.join()
    stats = handle.stats()
    handle.shutdown()
    return Outcome(worst, stats, seconds)


def main() -> None:
    """Print what became of the load, and end with 1 where the promise is broken."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--long", action="store_true")
    debug, errors = (1_000_000, 1_000) if parser.parse_args().long else (100_000, 200)
    outcome = overload(debug, errors)
    lanes = {
        name: {"submitted": lane.submitted, "dropped": lane.dropped, "in_flight": lane.in_flight}
        for name, lane in outcome.stats.lanes.items()
    }
    print(json.dumps({"seconds": round(outcome.seconds, 2), "balanced": outcome.stats.balanced, "lanes": lanes}))
    error = outcome.stats.lanes["error"]
    raise SystemExit(bool(outcome.errors_dropped_at_once or error.dropped or error.submitted != errors))


if __name__ == "__main__":
    main()
