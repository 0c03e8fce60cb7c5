"""What a full queue gives up, and how long a call waits that would rather not lose a record."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

import pytest

import fapilog_otel as fo
from tests.contract.faces_support import clean_environment, configure
from tests.faults.shedding import DEAD, overload

__all__ = ["clean_environment", "configure"]

BLOCK = 0.1
"""Seconds that a call may wait."""
MARGIN = 0.02
"""What the 99th percentile may take beyond it, seconds."""
ROUNDS, THREADS = 50, 4


class TestShedding:
    def test_no_error_is_dropped_while_a_lower_level_is_queued(self) -> None:
        outcome = overload(60_000, 200)
        lanes = outcome.stats.lanes
        assert outcome.stats.balanced
        assert outcome.errors_dropped_at_once == 0
        assert (lanes["error"].submitted, lanes["error"].dropped) == (200, 0)
        assert lanes["debug"].submitted == 60_000
        assert lanes["debug"].dropped > 10_000  # it was an overload
        assert outcome.stats.dropped_by_reason == {"queue_full": lanes["debug"].dropped}

    @pytest.mark.parametrize(("number", "band"), [(5, "debug"), (9, "info"), (13, "warn"), (17, "error")])
    def test_counts_are_exact_by_severity(self, configure: Callable[..., fo.Handle], number: int, band: str) -> None:
        handle = configure(endpoint=DEAD, sources=[], level="TRACE", max_queue_bytes=65_536, shutdown_timeout=0.1)
        logger = handle.provider.get_logger("load")
        for index in range(3_000):
            logger.emit(severity_number=number, body="x" * 100, attributes={"i": index})  # type: ignore[arg-type]
        lane = handle.stats().lanes[band]
        assert lane.submitted == 3_000
        assert lane.dropped > 1_000
        assert lane.dropped + lane.in_flight == 3_000
        handle.shutdown()
        stats = handle.stats()
        assert (stats.balanced, stats.in_flight) == (True, 0)
        assert sum(stats.dropped_by_reason.values()) + sum(stats.failed_by_reason.values()) == 3_000


class TestBlocking:
    @pytest.fixture
    def full(self, configure: Callable[..., fo.Handle]) -> fo.Handle:
        """A bridge whose queue is full, for good, and whose calls wait."""
        handle = configure(
            endpoint=DEAD, sources=[], on_full="block", block_timeout=BLOCK, max_queue_size=50, shutdown_timeout=0.1
        )
        logger = fo.get_logger("load")
        for _ in range(51):
            logger.info("filling")
        return handle

    def test_a_call_returns_within_its_timeout_and_20_ms(self, full: fo.Handle) -> None:
        """Threads that merely wait for as long, at the same time, tell how late the machine itself is."""
        assert full.provider.engine is not None
        queue = full.provider.engine.queue
        taken: dict[str, list[float]] = {"calls": [], "bare": []}

        def timed(kind: str, together: threading.Barrier, wait: Callable[[], object]) -> None:
            together.wait()
            started = time.monotonic()
            wait()
            taken[kind].append(time.monotonic() - started)

        for _ in range(ROUNDS):
            # After one wait in vain no call waits until room has appeared. Here it has not, and yet they wait again.
            queue._exhausted = False
            together = threading.Barrier(2 * THREADS)
            waits: dict[str, Callable[[], object]] = {
                "calls": lambda: fo.get_logger("load").info("waits"),
                "bare": lambda: threading.Event().wait(BLOCK),
            }
            threads = [
                threading.Thread(target=timed, args=(kind, together, wait))
                for kind, wait in waits.items()
                for _ in range(THREADS)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        calls, bare = (sorted(taken[kind]) for kind in ("calls", "bare"))
        at = len(calls) * 99 // 100 - 1
        print(f"p50 {calls[len(calls) // 2]:.4f} s, p99 {calls[at]:.4f} s; of a bare wait {bare[at]:.4f} s")
        assert len(calls) == ROUNDS * THREADS
        assert calls[0] > BLOCK * 0.9  # each of them did wait
        assert calls[at] < max(BLOCK, bare[at]) + MARGIN
        stats = full.stats()
        assert stats.dropped_by_reason == {"queue_full": ROUNDS * THREADS + 1}
        assert stats.balanced

    def test_an_event_loop_is_never_held_up(self, full: fo.Handle) -> None:
        logger = fo.get_logger("load")

        async def work() -> float:
            started = time.monotonic()
            for _ in range(200):
                full.provider.engine.queue._exhausted = False  # type: ignore[union-attr]
                logger.info("does not wait")
                await asyncio.sleep(0)
            return time.monotonic() - started

        spent = asyncio.run(work())
        assert spent < 200 * BLOCK / 4  # waiting would take 200 times the timeout
