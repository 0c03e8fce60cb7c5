from __future__ import annotations

import asyncio
import gc
import threading
import time
import weakref

import pytest

from fapilog_otel.buffer.engine import Engine
from fapilog_otel.contracts import EncodedLogs, ExportResult
from fapilog_otel.errors import PermanentError, RetryableError
from fapilog_otel.model.record import Record
from tests.unit.buffer.engines import Collecting, emit, eventually, running


class Deferred:
    name = "deferred"
    phase = "enrich"
    inline = False

    async def __call__(self, record: Record) -> Record | None:
        await asyncio.sleep(0)
        return None if record.body == "unwanted" else record.with_attributes({"seen": True})


class TestDelivery:
    def test_the_timer_delivers_without_a_flush(self) -> None:
        sink = Collecting()
        with running(sink) as engine:
            emit(engine, "one")
            eventually(lambda: sink.bodies == ["one"])

    def test_records_of_one_band_keep_their_order(self) -> None:
        sink = Collecting()
        with running(sink) as engine:
            for number in range(2000):
                emit(engine, number)
            assert engine.flush(5)
        assert sink.bodies == list(range(2000))

    def test_no_more_requests_are_under_way_than_the_exporter_takes(self) -> None:
        sink = Collecting(max_in_flight=3, open_gate=False)
        with running(sink) as engine:
            emit(engine, "x" * 2000, number=200)
            eventually(lambda: sink.under_way == 3)
            sink.gate.set()
            assert engine.flush(5)
        assert sink.most_under_way == 3
        assert sum(sink.requests) == 200

    def test_requests_stay_within_their_size(self) -> None:
        sink = Collecting()
        with running(sink) as engine:
            emit(engine, "x" * 1000, number=300)
            assert engine.flush(5)
        assert len(sink.requests) >= 300 * 1000 // 16_384
        assert max(sink.requests) <= 16

    def test_the_exporter_starts_before_the_first_record(self) -> None:
        sink = Collecting()
        with running(sink):
            eventually(lambda: sink.starts == 1)

    def test_threads_lose_nothing(self) -> None:
        sink = Collecting(max_in_flight=4)
        with running(sink, max_bytes=1 << 26) as engine:
            threads = [threading.Thread(target=emit, args=(engine, "t", 9, 2000)) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert engine.flush(10)
            assert engine.stats().delivered == 16_000
        assert len(sink.records) == 16_000


class TestFlush:
    def test_true_means_that_all_of_it_was_delivered(self) -> None:
        sink = Collecting()
        with running(sink) as engine:
            emit(engine, number=10)
            assert engine.flush(5) is True
            assert len(sink.records) == 10

    def test_false_when_the_time_is_over(self) -> None:
        sink = Collecting(open_gate=False)
        with running(sink, shutdown=0.2) as engine:
            emit(engine)
            started = time.monotonic()
            assert engine.flush(0.1) is False
            assert time.monotonic() - started < 0.6

    def test_false_when_a_record_was_refused(self) -> None:
        sink = Collecting()
        sink.error = PermanentError("no", reason="http_400")
        with running(sink) as engine:
            emit(engine)
            assert engine.flush(5) is False
            assert engine.stats().failed_by_reason == {"http_400": 1}

    def test_false_when_the_receiver_rejected_one(self) -> None:
        sink = Collecting()
        sink.result = ExportResult(rejected=1)
        with running(sink) as engine:
            emit(engine, number=3)
            assert engine.flush(5) is False
            stats = engine.stats()
            assert (stats.delivered, stats.failed_by_reason) == (2, {"rejected": 1})

    def test_an_earlier_loss_does_not_spoil_a_later_flush(self) -> None:
        sink = Collecting()
        sink.error = PermanentError("no")
        with running(sink) as engine:
            emit(engine)
            assert engine.flush(5) is False
            sink.error = None
            emit(engine)
            assert engine.flush(5) is True

    def test_a_dead_optional_destination_does_not_matter(self) -> None:
        good, bad = Collecting(), Collecting(open_gate=False)
        with running(good, bad, optional=("d1",), shutdown=0.2) as engine:
            emit(engine, number=5)
            assert engine.flush(5) is True
            stats = engine.stats()
            assert stats.delivered == 5
            assert stats.destinations["d1"].in_flight == 5

    def test_with_nothing_pending_it_is_true_at_once(self) -> None:
        with running(Collecting()) as engine:
            assert engine.flush(1) is True

    def test_on_the_pipeline_thread_it_refuses_instead_of_hanging(self) -> None:
        answers: list[bool] = []

        class Asks(Collecting):
            async def export(self, request: object) -> ExportResult:
                answers.append(engine.flush(1))
                return ExportResult()

        with running(Asks()) as engine:
            emit(engine)
            eventually(lambda: answers == [False])


class TestDeferredStages:
    def test_they_see_decoded_records_and_their_result_is_delivered(self) -> None:
        sink = Collecting()
        with running(sink, stages=(Deferred(),)) as engine:
            emit(engine, "wanted", number=3, n=1)
            emit(engine, "unwanted", number=2)
            assert engine.flush(5) is True
            stats = engine.stats()
            assert (stats.submitted, stats.delivered, stats.filtered) == (5, 3, 2)
        assert [record.attributes for record in sink.records] == [{"n": 1, "seen": True}] * 3

    def test_a_flush_waits_for_what_stages_made_of_the_records(self) -> None:
        sink = Collecting(open_gate=False)
        with running(sink, stages=(Deferred(),), shutdown=0.2) as engine:
            emit(engine, "wanted")
            assert engine.flush(0.2) is False


class TestShutdown:
    def test_what_is_pending_is_delivered(self) -> None:
        sink = Collecting()
        with running(sink, schedule_delay=60) as engine:
            emit(engine, number=50)
            assert engine.shutdown(5) is True
        assert len(sink.records) == 50
        assert sink.closes == 1

    def test_a_hanging_receiver_costs_no_more_than_the_timeout(self) -> None:
        sink = Collecting(open_gate=False)
        with running(sink) as engine:
            emit(engine, number=50)
            started = time.monotonic()
            assert engine.shutdown(0.5) is False
            assert time.monotonic() - started < 1.0
            stats = engine.stats()
            assert (stats.dropped_by_reason, stats.in_flight) == ({"shutdown": 50}, 0)

    def test_a_backoff_under_way_ends_at_once_with_one_more_attempt(self) -> None:
        sink = Collecting()
        sink.error = RetryableError("later", delay=60)
        with running(sink) as engine:
            emit(engine)
            eventually(lambda: engine.branches[0].sender.health.attempts == 1)
            sink.error = None
            started = time.monotonic()
            assert engine.shutdown(5) is True
            assert time.monotonic() - started < 2
        assert len(sink.records) == 1

    def test_later_records_are_counted_as_dropped(self) -> None:
        with running(Collecting()) as engine:
            engine.shutdown(1)
            emit(engine, number=3)
            assert engine.stats().dropped_by_reason == {"shutdown": 3}

    def test_a_second_call_does_nothing(self) -> None:
        sink = Collecting()
        with running(sink) as engine:
            assert engine.shutdown(1) is True
            assert engine.shutdown(1) is True
        assert sink.closes == 1

    def test_the_thread_ends_and_the_engine_can_be_collected(self) -> None:
        with running(Collecting()) as engine:
            emit(engine)
            engine.shutdown(1)
            thread, reference = engine.thread, weakref.ref(engine)
            assert thread is not None
            assert not thread.is_alive()
        del engine, thread
        gc.collect()
        assert reference() is None

    def test_an_exporter_that_cannot_start_is_tried_again(self) -> None:
        class Stubborn(Collecting):
            async def start(self) -> None:
                await super().start()
                if self.starts < 2:
                    raise OSError("not yet")

        sink = Stubborn()
        with running(sink) as engine:
            emit(engine)
            assert engine.flush(5) is True
        assert sink.starts == 2

    def test_is_false_when_a_deferred_stage_still_has_a_record(self) -> None:
        class Endless:
            name, phase, inline = "endless", "enrich", False

            async def __call__(self, record: Record) -> Record:
                await asyncio.sleep(60)
                return record

        with running(Collecting(), stages=(Endless(),)) as engine:
            emit(engine)
            assert engine.shutdown(0.5) is False
            assert engine.stats().dropped_by_reason == {"shutdown": 1}


class Rude(Collecting):
    """An exporter that tries to end the process, once in each way."""

    def __init__(self, error: type[BaseException], where: str) -> None:
        super().__init__()
        self._error: type[BaseException] | None = error
        self._where = where

    def _raise(self, where: str) -> None:
        if where == self._where and self._error is not None:
            error, self._error = self._error, None
            raise error

    async def start(self) -> None:
        self._raise("start")

    async def close(self) -> None:
        self._raise("close")

    async def export(self, request: EncodedLogs) -> ExportResult:
        self._raise("export")
        if self._where == "task" and self._error is not None:
            await asyncio.create_task(self._in_a_task())
        return await super().export(request)

    async def _in_a_task(self) -> None:
        self._raise("task")


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, GeneratorExit])
class TestAPluginThatEndsTheProcess:
    """``SystemExit`` and its like, out of a plugin on our thread, cost what it had in hand and nothing else."""

    @pytest.mark.parametrize("where", ["export", "task", "start", "close"])
    def test_does_not_end_delivery(self, error: type[BaseException], where: str) -> None:
        exporter, other = Rude(error, where), Collecting()
        with running(exporter, other) as engine:
            emit(engine, "first")
            assert engine.flush(5) is (where in ("start", "close"))
            emit(engine, "second")
            assert engine.flush(5)
            assert exporter.bodies[-1] == "second"
            assert other.bodies == ["first", "second"]

    def test_nor_does_a_deferred_stage(self, error: type[BaseException]) -> None:
        class Stage:
            name, phase, inline = "rude", "enrich", False

            async def __call__(self, record: Record) -> Record:
                if record.body == "first":
                    raise error
                return record

        exporter = Collecting()
        with running(exporter, stages=(Stage(),)) as engine:
            emit(engine, "first")
            emit(engine, "second")
            assert engine.flush(5)
            assert exporter.bodies == ["first", "second"]


class TestFinalisers:
    def test_that_log_on_the_pipeline_thread_are_heard(self) -> None:
        class CollectingGarbage(Collecting):
            async def export(self, request: EncodedLogs) -> ExportResult:
                gc.collect()
                return await super().export(request)

        class Dies:
            def __init__(self) -> None:
                self.me = self

            def __del__(self) -> None:
                emit(engine, "from the finaliser")

        exporter = CollectingGarbage()
        gc.disable()  # it would be free to run on this thread, before anything else
        try:
            with running(exporter) as engine:
                Dies()
                emit(engine, "first")
                eventually(lambda: len(exporter.bodies) == 2)
                assert exporter.bodies == ["first", "from the finaliser"]
        finally:
            gc.enable()


class TestSeveralDestinations:
    def test_a_slow_one_holds_back_no_other(self) -> None:
        fast, slow = Collecting(), Collecting(open_gate=False)
        with running(fast, slow) as engine:
            emit(engine, number=100)
            eventually(lambda: engine.stats().destinations["d0"].delivered == 100)
            stats = engine.stats()
            assert stats.destinations["d1"].in_flight == 100
            assert stats.delivered == 0, "the global account is the slowest one's"
            slow.gate.set()
            assert engine.flush(5)

    @pytest.mark.parametrize("level", [13, 17])
    def test_a_destination_can_have_a_level_of_its_own(self, level: int) -> None:
        sink = Collecting()
        with running(sink) as engine:
            engine.branches[0].settings = type(engine.branches[0].settings)("d0", 1 << 22, max_in_flight=1, level=level)
            for severity in (0, 5, 9, 13, 17, 21):
                emit(engine, severity, severity)
            assert engine.flush(5)
            assert engine.stats().filtered == len([s for s in (5, 9, 13, 17, 21) if s < level])
        assert sorted(sink.bodies) == [0, *(s for s in (13, 17, 21) if s >= level)]


class TestFork:
    def test_the_child_begins_empty_and_with_zero_counts(self) -> None:
        sink = Collecting(open_gate=False)
        with running(sink, shutdown=0.2) as engine:
            emit(engine, number=5)
            child = Engine(engine.spec, start=False)
            child.after_fork_in_child()
            assert child.stats().submitted == 0
            assert child.thread is None
            child.shutdown(0.1)


class TestAnUnresponsiveLoop:
    def test_shutdown_accounts_for_everything_all_the_same(self) -> None:
        class Blocks(Collecting):
            async def export(self, request: EncodedLogs) -> ExportResult:
                time.sleep(1.0)  # noqa: ASYNC251 - a plugin that blocks the loop, against its contract
                return ExportResult()

        with running(Blocks()) as engine:
            emit(engine, number=5)
            eventually(lambda: not engine.branches[0].waiting and engine.branches[0].busy)
            started = time.monotonic()
            assert engine.shutdown(0.3) is False
            assert time.monotonic() - started < 0.8
            stats = engine.stats()
            assert (stats.in_flight, stats.dropped_by_reason) == (0, {"shutdown": 5})
            assert engine.thread is not None
            engine.thread.join(3)
            assert engine.stats() == stats
