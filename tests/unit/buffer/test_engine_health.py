"""What a health report says while destinations work, fail, cannot start, fill up."""

from __future__ import annotations

import json
import threading
import time

import pytest

from fapilog_otel.buffer.engine import Engine
from fapilog_otel.buffer.health import health_of
from fapilog_otel.delivery import BreakerPolicy
from fapilog_otel.errors import PermanentError, RetryableError
from fapilog_otel.telemetry.health import DestinationHealth
from tests.unit.buffer.engines import Collecting, emit, eventually, running

DOWN = RetryableError("connection refused by 10.0.0.7", reason="connection_refused")


def only(engine: Engine) -> DestinationHealth:
    (found,) = health_of(engine).destinations.values()
    return found


class Stubborn(Collecting):
    """An exporter that cannot start."""

    async def start(self) -> None:
        raise OSError("no such device: https://shop:hunter2secret@h/?token=eyJ")


class Slow(Collecting):
    """An exporter whose start takes until it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = threading.Event()

    async def start(self) -> None:
        import asyncio

        self.begun.set()
        await asyncio.sleep(3600)


class TestState:
    def test_ok_with_what_was_delivered(self) -> None:
        with running(Collecting()) as engine:
            before = time.time()
            emit(engine, number=3)
            assert engine.flush(5)
            found = only(engine)
            assert (found.state, found.healthy, found.circuit) == ("ok", True, "off")
            assert (found.attempts, found.consecutive_failures, found.queue_records) == (1, 0, 0)
            assert found.last_success is not None
            assert before <= found.last_success <= time.time()
            assert (found.last_error, found.last_error_at) == ("", None)
            assert (found.spool_records, found.spool_bytes) == (None, None)
            assert found.queue_capacity_bytes == 1 << 22
            assert health_of(engine).healthy

    def test_starting_until_the_transport_is_open(self) -> None:
        exporter = Slow()
        with running(exporter) as engine:
            assert exporter.begun.wait(5)
            assert only(engine).state == "starting"
            assert health_of(engine).healthy

    def test_failing_from_the_first_failed_attempt_until_a_success(self) -> None:
        exporter = Collecting()
        exporter.error = DOWN
        with running(exporter) as engine:
            emit(engine, number=2)
            eventually(lambda: only(engine).consecutive_failures >= 2)
            found = only(engine)
            assert (found.state, found.healthy) == ("failing", False)
            assert found.last_error == str(DOWN)
            assert found.last_error_at == pytest.approx(time.time(), abs=5)
            assert (found.queue_records, found.records_under_way, found.requests_under_way) == (2, 2, 1)
            assert found.queue_bytes > 0
            assert not health_of(engine).healthy
            exporter.error = None
            assert engine.flush(5)
            assert only(engine).state == "ok"
            assert only(engine).last_error == str(DOWN)

    def test_a_refusal_is_a_failure_too(self) -> None:
        exporter = Collecting()
        exporter.error = PermanentError("HTTP 400", reason="http_400")
        with running(exporter) as engine:
            emit(engine)
            assert not engine.flush(5)
            assert only(engine).state == "failing"

    def test_circuit_open_while_requests_are_held_back(self) -> None:
        exporter = Collecting()
        exporter.error = DOWN
        with running(exporter, breaker=BreakerPolicy(failures=2, open_for=0.3)) as engine:
            emit(engine)
            eventually(lambda: only(engine).circuit == "open")
            assert only(engine).state == "circuit_open"
            exporter.error = None
            assert engine.flush(5)
            assert (only(engine).state, only(engine).circuit) == ("ok", "closed")

    def test_degraded_where_the_exporter_cannot_start(self) -> None:
        with running(Stubborn()) as engine:
            eventually(lambda: only(engine).state == "degraded")
            found = only(engine)
            assert "OSError: no such device" in found.last_error
            assert found.last_error_at == pytest.approx(time.time(), abs=5)
            assert found.attempts == 0
            assert not health_of(engine).healthy

    def test_degraded_where_the_queue_is_full(self) -> None:
        exporter = Collecting(open_gate=False)
        with running(exporter, max_bytes=1 << 16) as engine:
            emit(engine, "x" * 2000, number=60)
            eventually(lambda: only(engine).state == "degraded")
            assert only(engine).queue_bytes <= only(engine).queue_capacity_bytes
            exporter.gate.set()
            engine.flush(5)
            assert only(engine).state == "ok"

    def test_degraded_where_the_pipeline_thread_has_ended(self) -> None:
        with running(Collecting()) as engine:
            emit(engine)
            assert engine.flush(5)
            thread = engine.thread
            engine.thread = ended = threading.Thread()
            ended.start()
            ended.join()
            assert only(engine).state == "degraded"
            engine.thread = thread


class TestReport:
    def test_is_judged_by_the_destinations_that_are_not_optional(self) -> None:
        failing = Collecting()
        failing.error = DOWN
        with running(Collecting(), failing, optional=("d1",)) as engine:
            emit(engine)
            eventually(lambda: health_of(engine).destinations["d1"].state == "failing")
            assert health_of(engine).healthy
            assert health_of(engine).destinations["d1"].optional

    def test_holds_the_same_numbers_as_the_account(self) -> None:
        exporter = Collecting(open_gate=False)
        with running(exporter) as engine:
            emit(engine, number=7)
            eventually(lambda: only(engine).records_under_way == 7)
            emit(engine, number=5, severity=17)
            assert only(engine).queue_records == engine.stats().in_flight == 12
            exporter.gate.set()

    def test_holds_no_credential(self) -> None:
        exporter = Collecting()
        exporter.error = RetryableError("refused https://shop:hunter2secret@collector/\x1b[31m")
        with running(Stubborn(), exporter) as engine:
            emit(engine)
            eventually(lambda: health_of(engine).destinations["d1"].consecutive_failures > 0)
            eventually(lambda: health_of(engine).destinations["d0"].last_error != "")
            text = json.dumps(health_of(engine).as_dict())
            assert "collector" in text
            assert "hunter2secret" not in text
            assert "\\u001b" not in text

    def test_can_be_read_while_many_threads_log(self) -> None:
        with running(Collecting()) as engine:
            stop = threading.Event()

            def log() -> None:
                while not stop.is_set():
                    emit(engine, number=50)

            threads = [threading.Thread(target=log) for _ in range(4)]
            for thread in threads:
                thread.start()
            try:
                reports = [health_of(engine) for _ in range(300)]
            finally:
                stop.set()
                for thread in threads:
                    thread.join()
            assert all(report.healthy or report.destinations["d0"].state == "degraded" for report in reports)
            assert all(report.destinations["d0"].queue_records >= 0 for report in reports)

    def test_says_that_it_is_closed(self) -> None:
        with running(Collecting()) as engine:
            engine.shutdown(1)
            assert (health_of(engine).closed, health_of(engine).healthy) == (True, False)
