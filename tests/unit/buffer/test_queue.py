from __future__ import annotations

import asyncio
import signal
import threading
import time

import pytest

from fapilog_otel.buffer.queue import chunk_size_for
from tests.unit.buffer.engines import Collecting, emit, eventually, running

SMALL = 65_536


class TestDropPolicy:
    def test_the_lowest_severity_goes_first_and_errors_stay(self) -> None:
        sink = Collecting(open_gate=False)
        with running(sink, max_bytes=SMALL, shutdown=3) as engine:
            emit(engine, "d" * 500, severity=5, number=2000)
            emit(engine, "e" * 500, severity=17, number=30)
            emit(engine, "d" * 500, severity=5, number=2000)
            lanes = engine.stats().lanes
            assert lanes["debug"].dropped > 0
            assert lanes["error"].dropped == 0
            sink.gate.set()
            assert engine.flush(5) is True
            assert engine.stats().lanes["error"].delivered == 30

    def test_memory_stays_within_the_bound(self) -> None:
        sink = Collecting(open_gate=False)
        with running(sink, max_bytes=SMALL, shutdown=0.2) as engine:
            for _ in range(20):
                emit(engine, "x" * 700, number=100)
                assert engine.branches[0].charged <= SMALL
            assert engine.stats().dropped_by_reason["queue_full"] > 0

    def test_a_call_never_waits(self) -> None:
        sink = Collecting(open_gate=False)
        with running(sink, max_bytes=SMALL, shutdown=0.2) as engine:
            started = time.monotonic()
            emit(engine, "x" * 700, number=2000)
            assert time.monotonic() - started < 2

    def test_a_full_destination_beside_one_with_room_drops(self) -> None:
        fast, slow = Collecting(), Collecting(open_gate=False)
        with running(fast, slow, max_bytes=SMALL, shutdown=0.2) as engine:
            for _ in range(40):
                emit(engine, "x" * 700, number=50)
                engine.flush(0.001)
                eventually(lambda: engine.stats().destinations["d0"].in_flight == 0)
            stats = engine.stats()
            assert stats.destinations["d0"].delivered == 2000
            assert stats.destinations["d1"].dropped_by_reason["queue_full"] > 0

    def test_a_record_larger_than_a_chunk_gets_one_of_its_own(self) -> None:
        sink = Collecting()
        with running(sink, max_bytes=1 << 20) as engine:
            emit(engine, "x" * 50_000)
            assert engine.flush(5)
        assert len(sink.bodies[0]) == 50_000

    def test_a_record_larger_than_the_bound_is_dropped_and_counted(self) -> None:
        sink = Collecting()
        with running(sink, max_bytes=SMALL) as engine:
            emit(engine, "x" * 100_000)
            assert engine.stats().dropped_by_reason == {"queue_full": 1}


class TestBlockPolicy:
    def test_a_call_waits_for_room(self) -> None:
        sink = Collecting(open_gate=False)
        with running(sink, max_bytes=SMALL, block_timeout=5.0, shutdown=3) as engine:
            writer = threading.Thread(target=emit, args=(engine, "x" * 700, 9, 500))
            writer.start()
            eventually(lambda: not engine.branches[0].has_room(16_384))
            sink.gate.set()
            writer.join(5)
            assert not writer.is_alive()
            assert engine.flush(5)
            assert engine.stats().dropped == 0
        assert len(sink.records) == 500

    def test_the_wait_is_bounded_and_comes_only_once(self) -> None:
        sink = Collecting(open_gate=False)
        with running(sink, max_bytes=SMALL, block_timeout=0.2, shutdown=0.2) as engine:
            started = time.monotonic()
            emit(engine, "x" * 700, number=2000)
            waited = time.monotonic() - started
            assert 0.2 <= waited < 1.5
            assert engine.stats().dropped_by_reason["queue_full"] > 1000

    def test_on_an_event_loop_it_drops_instead(self) -> None:
        sink = Collecting(open_gate=False)
        with running(sink, max_bytes=SMALL, block_timeout=5.0, shutdown=0.2) as engine:

            async def log() -> float:
                started = time.monotonic()
                emit(engine, "x" * 700, number=500)
                return time.monotonic() - started

            assert asyncio.run(log()) < 2
            assert engine.stats().dropped > 0

    @pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="the platform has no timer signals")
    def test_in_a_signal_handler_it_drops_instead(self) -> None:
        sink = Collecting(open_gate=False)
        with running(sink, max_bytes=SMALL, block_timeout=5.0, shutdown=0.2) as engine:
            took: list[float] = []

            def on_signal(number: int, frame: object) -> None:
                started = time.monotonic()
                emit(engine, "x" * 700, number=500)
                took.append(time.monotonic() - started)

            before = signal.signal(signal.SIGALRM, on_signal)
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.01)
                eventually(lambda: bool(took))
            finally:
                signal.signal(signal.SIGALRM, before)
            assert took[0] < 2
            assert engine.stats().dropped > 0

    def test_the_async_wait_lets_the_loop_run(self) -> None:
        sink = Collecting(open_gate=False)
        with running(sink, max_bytes=SMALL, block_timeout=5.0, shutdown=3, schedule_delay=60) as engine:
            ticks = 0

            async def scenario() -> None:
                nonlocal ticks
                while not engine.queue.full():
                    emit(engine, "x" * 700)
                waiting = asyncio.ensure_future(engine.queue.await_room())
                for _ in range(10):
                    await asyncio.sleep(0.002)
                    ticks += 1
                assert not waiting.done()
                sink.gate.set()
                await asyncio.wait_for(waiting, 5)

            asyncio.run(scenario())
            assert ticks == 10


class TestRecordBound:
    def test_no_more_records_wait_than_max_queue_size(self) -> None:
        sink = Collecting(open_gate=False)
        with running(sink, max_queue_size=100, shutdown=3) as engine:
            emit(engine, number=500)
            stats = engine.stats()
            assert stats.in_flight <= 100
            assert stats.dropped_by_reason["queue_full"] == 500 - stats.in_flight
            sink.gate.set()
            assert engine.flush(5)

    def test_under_block_calls_wait_for_room(self) -> None:
        sink = Collecting()
        with running(sink, max_queue_size=10, block_timeout=5.0) as engine:
            emit(engine, number=200)
            assert engine.flush(5)
            assert engine.stats().dropped == 0
        assert len(sink.records) == 200

    def test_a_full_batch_is_sent_without_waiting_for_the_timer(self) -> None:
        sink = Collecting()
        with running(sink, max_batch=10, schedule_delay=60) as engine:
            emit(engine, number=10)
            eventually(lambda: len(sink.records) == 10)


class TestChunkSize:
    @pytest.mark.parametrize(("wanted", "bound", "size"), [(262_144, 1 << 26, 262_144), (262_144, 65_536, 4096)])
    def test_a_small_bound_makes_small_chunks(self, wanted: int, bound: int, size: int) -> None:
        assert chunk_size_for(wanted, bound) == size
