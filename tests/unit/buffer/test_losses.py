"""Every reason for which a record is lost leads to one line with cause and remedy, then to at most one a minute."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from fapilog_otel.buffer.engine import Engine
from fapilog_otel.contracts import ExportResult
from fapilog_otel.errors import PermanentError, RetryableError
from fapilog_otel.telemetry.diagnostics import Diagnostics
from fapilog_otel.telemetry.reasons import REASONS
from tests.unit.buffer.engines import SCOPE, Collecting, emit, eventually, running


class Minutes:
    """Diagnostics whose clock is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.stream = io.StringIO()
        self.diagnostics = Diagnostics(lambda: self.stream, lambda: self.now)

    @property
    def lines(self) -> list[str]:
        return self.stream.getvalue().splitlines()

    def about(self, reason: str) -> list[str]:
        return [line for line in self.lines if re.search(rf"\breason={reason}\b", line)]


@contextmanager
def saying(*exporters: Collecting, **options: Any) -> Iterator[tuple[Engine, Minutes]]:
    minutes = Minutes()
    with running(*exporters, diagnostics=minutes.diagnostics, **options) as engine:
        yield engine, minutes


def assert_explained(line: str) -> None:
    assert re.search(r'\bcause=("[^"]{3,}"|[^" ]{3,})', line), line
    assert re.search(r'\bremedy=("[^"]{3,}"|[^" ]{3,})', line), line


def fill(engine: Engine) -> None:
    emit(engine, "x" * 2000, number=80)


def unencodable(engine: Engine) -> None:
    engine.core.submit(SCOPE, -1, 0, 9, "", "x", {}, None, (2**300, "no id", 0), None, "")  # type: ignore[arg-type]


def spooled(reason: str) -> Callable[[Engine], None]:
    def lose(engine: Engine) -> None:
        with engine.lock:
            engine.branches[0].ledger.drop(reason, {9: 3})
            engine.branches[0].ledger.delivered.add({9: -3})  # the account balances, as if they had come and gone

    return lose


DROPS: dict[str, Callable[[Engine], None]] = {
    "queue_full": fill,
    "encode_error": unencodable,
    "spool_full": spooled("spool_full"),
    "spool_corrupt": spooled("spool_corrupt"),
}


@pytest.mark.parametrize("reason", DROPS)
class TestDrops:
    def test_begin_with_one_line_with_cause_and_remedy(self, reason: str) -> None:
        exporter = Collecting(open_gate=False)
        with saying(exporter, max_bytes=1 << 16) as (engine, minutes):
            DROPS[reason](engine)
            eventually(lambda: bool(minutes.about(reason)))
            for _ in range(3):
                DROPS[reason](engine)
                engine.losses.tell()
            (line,) = minutes.about(reason)
            assert_explained(line)
            assert re.match(r"fapilog_otel warning \d+ records? (was|were) lost ", line)
            assert engine.stats().dropped_by_reason[reason] > 1
            exporter.gate.set()

    def test_go_on_with_one_a_minute_that_tells_the_number_so_far(self, reason: str) -> None:
        exporter = Collecting(open_gate=False)
        with saying(exporter, max_bytes=1 << 16, schedule_delay=3600) as (engine, minutes):
            for _ in range(180):  # three minutes
                DROPS[reason](engine)
                minutes.now += 1
                engine.losses.tell()
            lines = minutes.about(reason)
            assert len(lines) == 3
            engine.losses.tell()
            minutes.diagnostics.flush()
            number = engine.stats().dropped_by_reason[reason]
            assert f" {number} records were lost " in minutes.about(reason)[-1]
            assert not any("repeated" in line for line in lines)
            exporter.gate.set()


@pytest.mark.parametrize("reason", DROPS)
def test_a_loss_that_is_over_is_not_told_again(reason: str) -> None:
    exporter = Collecting(open_gate=False)
    with saying(exporter, max_bytes=1 << 16, schedule_delay=3600) as (engine, minutes):
        DROPS[reason](engine)
        for _ in range(5):
            engine.losses.tell()
            minutes.now += 61
        assert len(minutes.about(reason)) == 1
        exporter.gate.set()


FAILURES = [reason for reason in REASONS if reason not in {*DROPS, "shutdown", "already_shutdown", "rejected"}]


def concrete(reason: str) -> str:
    return {"http_*": "http_418", "grpc_*": "grpc_internal", "connection_*": "connection_reset", "errno": "enospc"}.get(
        reason, reason
    )


class TestFailures:
    @pytest.mark.parametrize("reason", [concrete(reason) for reason in FAILURES])
    def test_for_good_are_one_line_with_cause_and_remedy(self, reason: str) -> None:
        exporter = Collecting()
        exporter.error = PermanentError("what the server said", reason=reason, too_large=reason == "too_large")
        with saying(exporter) as (engine, minutes):
            for _ in range(3):
                emit(engine)
                assert not engine.flush(5)
            engine.losses.tell()
            (line,) = minutes.about(reason)
            assert_explained(line)
            assert engine.stats().failed_by_reason == {reason: 3}

    @pytest.mark.parametrize("reason", ["connection_refused", "timeout", "http_503", "grpc_unavailable", "busy"])
    def test_that_pass_are_one_line_too(self, reason: str) -> None:
        exporter = Collecting()
        exporter.error = RetryableError("what the network said", reason=reason)
        with saying(exporter) as (engine, minutes):
            emit(engine)
            eventually(lambda: engine.branches[0].sender.health.attempts > 5)
            (line,) = minutes.about(reason)
            assert_explained(line)
            exporter.error = None
            assert engine.flush(5)
            assert "takes logs again" in minutes.lines[-1]

    def test_of_an_exporter_that_raises_name_what_it_raised(self) -> None:
        exporter = Collecting()
        exporter.error = KeyError("shard")
        with saying(exporter) as (engine, minutes):
            emit(engine)
            assert not engine.flush(5)
            (line,) = minutes.about("exporter_error")
            assert "KeyError" in line
            assert_explained(line)

    def test_of_a_partial_success_tell_what_the_receiver_said(self) -> None:
        exporter = Collecting()
        exporter.result = ExportResult(rejected=1, message="too old")
        with saying(exporter) as (engine, minutes):
            for _ in range(3):
                emit(engine, number=2)
                assert not engine.flush(5)
            engine.losses.tell()
            (line,) = minutes.about("rejected")
            assert 'message="too old"' in line
            assert "remedy=" in line

    def test_of_two_kinds_are_two_lines(self) -> None:
        exporter = Collecting()
        with saying(exporter) as (engine, minutes):
            for reason in ("http_400", "http_401", "http_400"):
                exporter.error = PermanentError("no", reason=reason)
                emit(engine)
                assert not engine.flush(5)
            assert [len(minutes.about(reason)) for reason in ("http_400", "http_401")] == [1, 1]

    def test_without_a_line_of_the_destinations_own_are_said_from_the_account(self) -> None:
        with saying(Collecting()) as (engine, minutes):
            with engine.lock:
                engine.branches[0].ledger.fail("circuit_open", {9: 2})
                engine.branches[0].ledger.delivered.add({9: -2})
            eventually(lambda: bool(minutes.about("circuit_open")))
            assert_explained(minutes.about("circuit_open")[0])


class TestShutdown:
    def test_says_what_waited_for_its_minute(self) -> None:
        exporter = Collecting(open_gate=False)
        with saying(exporter, max_bytes=1 << 16, shutdown=0.2) as (engine, minutes):
            fill(engine)
            eventually(lambda: bool(minutes.about("queue_full")))
            fill(engine)
            engine.shutdown(0.2)
            assert len(minutes.about("queue_full")) == 2
            lost = engine.stats().dropped_by_reason["queue_full"]
            assert f" {lost} records were lost " in minutes.about("queue_full")[-1]

    def test_costs_nothing_on_the_thread_that_logs(self) -> None:
        exporter = Collecting(open_gate=False)
        with saying(exporter, max_bytes=1 << 16, schedule_delay=3600) as (engine, minutes):
            fill(engine)
            time.sleep(0.05)
            assert minutes.lines == []  # it is the timer that says it
            exporter.gate.set()
