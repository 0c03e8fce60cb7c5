"""An engine with a spool on a real disk: what flush, shutdown and the next process make of it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from fapilog_otel.delivery import RetryPolicy
from fapilog_otel.delivery.spool import SpoolPolicy
from fapilog_otel.errors import PermanentError, RetryableError
from tests.unit.buffer.engines import Collecting, emit, eventually, running

AWAY = RetryableError("connection refused", reason="connection_refused")


def policy(tmp_path: Path, **options: Any) -> SpoolPolicy:
    return SpoolPolicy(directory=str(tmp_path / "spool"), **options)


def away(**options: Any) -> Collecting:
    exporter = Collecting(**options)
    exporter.error = AWAY
    return exporter


@pytest.fixture(params=["write_ahead", "spill"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    return {"spool": policy(tmp_path), "spill": request.param == "spill"}


class TestFlush:
    def test_it_is_true_when_all_is_delivered(self, kept: dict[str, Any]) -> None:
        exporter = Collecting()
        with running(exporter, **kept) as engine:
            emit(engine, number=100)
            assert engine.flush(5)
            assert len(exporter.records) == 100
            assert engine.stats().delivered == 100

    def test_it_is_true_when_all_is_durable_and_the_destination_is_away(self, kept: dict[str, Any]) -> None:
        with running(away(), **kept) as engine:
            emit(engine, number=100)
            started = time.monotonic()
            assert engine.flush(4)
            assert time.monotonic() - started < 4.5
            stats = engine.stats()
            assert (stats.delivered, stats.in_flight, stats.dropped) == (0, 100, 0)

    def test_it_is_false_when_records_were_refused_for_good_and_never_stored(self, tmp_path: Path) -> None:
        exporter = Collecting()
        exporter.error = PermanentError("no", reason="http_400")
        with running(exporter, spool=policy(tmp_path), spill=True) as engine:
            emit(engine, number=3)
            assert not engine.flush(5)
            assert engine.stats().failed_by_reason == {"http_400": 3}


class TestTheNextProcess:
    def test_what_was_left_is_delivered_and_counted_as_recovered(self, kept: dict[str, Any]) -> None:
        with running(away(), **kept) as engine:
            emit(engine, "left", number=50)
            emit(engine, "left, and worse", severity=17, number=5)
            assert engine.shutdown(2)
            stats = engine.stats()
            assert (stats.submitted, stats.in_flight, stats.delivered, stats.dropped) == (55, 55, 0, 0)
        exporter = Collecting()
        with running(exporter, **kept) as engine:
            eventually(lambda: len(exporter.records) == 55)
            emit(engine, "new", number=5)
            assert engine.flush(5)
            eventually(lambda: engine.stats().delivered == 60)
            stats = engine.stats()
            assert (stats.submitted, stats.recovered, stats.in_flight) == (60, 55, 0)
            assert stats.lanes["error"].delivered == 5
        assert sorted(set(exporter.bodies)) == ["left", "left, and worse", "new"]
        assert len(exporter.records) == 60

    def test_nothing_is_left_behind_when_all_was_delivered(self, kept: dict[str, Any]) -> None:
        with running(Collecting(), **kept) as engine:
            emit(engine, number=50)
            assert engine.shutdown(5)
            assert engine.stats().delivered == 50
        assert [path.name for path in Path(kept["spool"].directory).iterdir() if path.suffix == ".db"] == []

    def test_each_destination_gets_its_own(self, tmp_path: Path) -> None:
        near, far = Collecting(), away()
        with running(near, far, spool=policy(tmp_path)) as engine:
            emit(engine, number=20)
            assert engine.shutdown(2)
            assert len(near.records) == 20
        near, far = Collecting(), Collecting()
        with running(near, far, spool=policy(tmp_path)) as engine:
            eventually(lambda: len(far.records) == 20)
            assert engine.flush(5)
            assert near.records == []
            assert {name: one.recovered for name, one in engine.stats().destinations.items()} == {"d0": 0, "d1": 20}


class TestShutdown:
    @pytest.mark.parametrize("gate", [True, False], ids=["away", "hung"])
    def test_it_keeps_its_deadline_and_loses_nothing(self, kept: dict[str, Any], gate: bool) -> None:
        with running(away(open_gate=gate), **kept, timeout=30.0) as engine:
            emit(engine, number=1000)
            started = time.monotonic()
            assert engine.shutdown(1.0)
            assert time.monotonic() - started < 1.0 + 0.5
            stats = engine.stats()
            assert (stats.in_flight, stats.dropped, stats.failed) == (1000, 0, 0)

    def test_a_long_backoff_does_not_hold_it_up(self, kept: dict[str, Any]) -> None:
        with running(away(), **kept, retry=RetryPolicy(60.0, 60.0)) as engine:
            emit(engine, number=10)
            time.sleep(0.1)
            started = time.monotonic()
            assert engine.shutdown(5.0)
            assert time.monotonic() - started < 2.0


class TestAFullMemory:
    def test_spill_loses_nothing_of_what_is_many_times_the_bound(self, tmp_path: Path) -> None:
        exporter = away()
        exporter.gate.clear()
        with running(exporter, max_bytes=1 << 20, spool=policy(tmp_path), spill=True, shutdown=5.0) as engine:
            for number in range(40):
                emit(engine, "x" * 1000, number=100)
                eventually(lambda: engine.branches[0].charged <= 1 << 19 or engine.stats().dropped > 0, 10)
                assert engine.stats().dropped == 0, number
            assert engine.stats().in_flight == 4000
            exporter.error = None
            exporter.gate.set()
            eventually(lambda: engine.stats().delivered == 4000, 20)
        assert len(exporter.records) == 4000

    def test_a_full_spool_gives_up_the_lowest_severity_first(self, tmp_path: Path) -> None:
        with running(away(), spool=policy(tmp_path, max_bytes=1 << 20), shutdown=5.0) as engine:
            for _ in range(20):
                emit(engine, "x" * 1000, severity=5, number=200)
                emit(engine, "e" * 1000, severity=17, number=10)
                assert engine.flush(5)
            stats = engine.stats()
            assert stats.dropped_by_reason["spool_full"] > 0
            assert stats.lanes["error"].dropped == 0
            assert stats.balanced
