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
        taken: list[float] = []

        def log(together: threading.Barrier) -> None:
            together.wait()
            started = time.monotonic()
            fo.get_logger("load").info("waits")
            taken.append(time.monotonic() - started)

        assert full.provider.engine is not None
        for _ in range(ROUNDS):
            # After one wait in vain no call waits until room has appeared. Here it has not, and yet they wait again.
            full.provider.engine.queue._exhausted = False
            together = threading.Barrier(THREADS)
            threads = [threading.Thread(target=log, args=(together,)) for _ in range(THREADS)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        taken.sort()
        assert len(taken) == ROUNDS * THREADS
        assert taken[0] > BLOCK * 0.9  # each of them did wait
        assert taken[len(taken) * 99 // 100 - 1] < BLOCK + MARGIN
        stats = full.stats()
        assert stats.dropped_by_reason == {"queue_full": ROUNDS * THREADS + 1}
        assert stats.balanced

    def test_an_event_loop_is_never_held_up(self, full: fo.Handle) -> None:
        gaps: list[float] = []
        logger = fo.get_logger("load")

        async def beat() -> None:
            while True:
                started = time.monotonic()
                await asyncio.sleep(0.001)
                gaps.append(time.monotonic() - started)

        async def work() -> float:
            heart = asyncio.ensure_future(beat())
            await asyncio.sleep(0.01)
            started = time.monotonic()
            for _ in range(200):
                full.provider.engine.queue._exhausted = False  # type: ignore[union-attr]
                logger.info("does not wait")
                await asyncio.sleep(0)
            spent = time.monotonic() - started
            heart.cancel()
            return spent

        spent = asyncio.run(work())
        assert spent < 200 * BLOCK / 4  # waiting would take 200 times the timeout
        gaps.sort()
        assert gaps[len(gaps) * 99 // 100 - 1] < MARGIN  # others use the machine too
