from __future__ import annotations

import datetime as dt
import decimal
import time
from typing import Any

import pytest
from opentelemetry._logs import LogRecord, SeverityNumber

from fapilog_otel.encode import log_methods
from tests.naming import stable_id
from tests.unit.encode.encoders import Bench


class Raises:
    """A record or value that refuses everything."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __str__(self) -> str:
        raise ValueError("no text")

    def __bool__(self) -> bool:
        raise ValueError("no truth")

    def __int__(self) -> int:
        raise RuntimeError("no number")

    def __lt__(self, other: object) -> bool:
        raise RuntimeError("no order")

    __gt__ = __le__ = __ge__ = __lt__
    __eq__ = __lt__  # type: ignore[assignment]
    __hash__ = object.__hash__

    @property
    def __class__(self) -> Any:  # type: ignore[override]
        raise RuntimeError("no class")


FIELDS = ["timestamp", "observed_timestamp", "context", "severity_number", "severity_text", "body", "attributes",
          "event_name", "exception"]  # fmt: skip


class TestEmitByFields:
    def test_writes_what_it_is_given(self, bench: Bench) -> None:
        bench.log.emit(
            timestamp=5, observed_timestamp=6, severity_number=SeverityNumber.WARN, severity_text="warn",
            body={"k": 1}, attributes={"a": 1}, event_name="e",
        )  # fmt: skip
        record = bench.record()
        assert (record.timestamp, record.observed_timestamp, record.severity_number) == (5, 6, 13)
        assert (record.severity_text, record.body, record.event_name) == ("warn", {"k": 1}, "e")
        assert dict(record.attributes) == {"a": 1}

    def test_without_fields_only_the_observed_time_is_known(self, bench: Bench) -> None:
        bench.log.emit()
        record = bench.record()
        assert (record.timestamp, record.severity_number, record.severity_text, record.body) == (0, 0, "", None)
        assert time.time_ns() - record.observed_timestamp < 60e9

    def test_an_exception_becomes_attributes_and_given_ones_win(self, bench: Bench) -> None:
        bench.log.emit(exception=ValueError("boom"), attributes={"exception.message": "mine"})
        record = bench.record()
        assert record.attributes["exception.type"] == "ValueError"
        assert record.attributes["exception.message"] == "mine"

    @pytest.mark.parametrize(
        ("given", "number"),
        [
            (SeverityNumber.ERROR, 17), (9, 9), (None, 0), ("INFO", 0), ("9", 9), (99, 0), (-1, 0), (float("inf"), 0),
            (float("nan"), 0), (13.7, 13), (1 << 80, 0), (object(), 0), (b"9", 0),
        ],
        ids=stable_id,
    )  # fmt: skip
    def test_a_severity_is_what_can_be_made_of_it(self, bench: Bench, given: object, number: int) -> None:
        bench.log.emit(severity_number=given)
        assert bench.record().severity_number == number

    @pytest.mark.parametrize(
        ("given", "stamp"),
        [
            (7, 7), (7.9, 7), (-1, 0), (1 << 64, 0), ((1 << 64) - 1, (1 << 64) - 1), (float("nan"), 0),
            (float("inf"), 0), (float("-inf"), 0), ("now", 0), (dt.date(2026, 1, 1), 0), (decimal.Decimal(5), 0),
            (True, 1), (None, 0), (1e300, 0),
        ],
        ids=stable_id,
    )  # fmt: skip
    def test_a_time_is_what_can_be_made_of_it(self, bench: Bench, given: object, stamp: int) -> None:
        bench.log.emit(timestamp=given)
        assert bench.record().timestamp == stamp

    @pytest.mark.parametrize("name", FIELDS)
    def test_takes_anything_in_any_field(self, bench: Bench, name: str) -> None:
        bench.log.emit(**{"body": "kept", name: Raises()})
        record = bench.record()
        assert name == "body" or record.body == "kept"
        assert bench.dropped == {}

    @pytest.mark.parametrize("exception", ["text", 5, object(), ValueError], ids=stable_id)
    def test_what_is_no_exception_adds_nothing(self, bench: Bench, exception: Any) -> None:
        bench.log.emit(body="kept", exception=exception)
        assert dict(bench.record().attributes) == {}


class TestEmitARecord:
    def test_writes_an_api_record(self, bench: Bench) -> None:
        bench.log.emit(
            LogRecord(
                timestamp=5, observed_timestamp=6, trace_id=1, span_id=2, severity_text="INFO",
                severity_number=SeverityNumber.INFO, body="b", attributes={"a": 1},
            )
        )  # fmt: skip
        record = bench.record()
        assert (record.timestamp, record.observed_timestamp, record.severity_number, record.body) == (5, 6, 9, "b")
        assert (record.trace_id, record.span_id, dict(record.attributes)) == (1, 2, {"a": 1})

    def test_respects_the_gate(self, bench: Bench) -> None:
        bench.gate = 13
        bench.log.emit(LogRecord(severity_number=SeverityNumber.INFO, body="no"))
        bench.log.emit(LogRecord(severity_number=SeverityNumber.ERROR, body="yes"))
        assert bench.record().body == "yes"

    def test_looks_into_a_wrapper(self, bench: Bench) -> None:
        class Wrapper:
            log_record = LogRecord(body="inside", exception=KeyError("k"))

        bench.log.emit(Wrapper())
        record = bench.record()
        assert (record.body, record.attributes["exception.type"]) == ("inside", "KeyError")

    @pytest.mark.parametrize("given", [Raises, lambda: 5, lambda: "text", lambda: {"body": 1}, lambda: object])
    def test_one_that_says_nothing_is_an_empty_record(self, bench: Bench, given: Any) -> None:
        bench.log.emit(given())
        record = bench.record()
        assert (record.body, dict(record.attributes), record.trace_id) == (None, {}, 0)

    @pytest.mark.parametrize("name", [*FIELDS, "trace_id", "span_id", "trace_flags"])
    def test_takes_anything_in_any_field(self, bench: Bench, name: str) -> None:
        record = LogRecord(body="kept")
        setattr(record, name, Raises())
        bench.log.emit(record)
        assert name == "body" or bench.record().body == "kept"
        assert bench.dropped == {}

    @pytest.mark.parametrize(
        ("field", "value"),
        [("trace_id", 1 << 128), ("trace_id", -1), ("span_id", 1 << 64), ("span_id", "abc"), ("trace_flags", 1 << 32)],
    )
    def test_ids_out_of_range_are_absent(self, bench: Bench, field: str, value: object) -> None:
        record = LogRecord(body="kept")
        setattr(record, field, value)
        bench.log.emit(record)
        found = bench.record()
        assert (found.body, getattr(found, field)) == ("kept", 0)


class TestReading:
    def test_a_field_that_is_missing_is_absent(self) -> None:
        assert log_methods.record_fields(object()) == (0, 0, 0, "", None, None, (0, 0, 0), None, "")

    def test_a_text_of_another_type_is_its_text(self) -> None:
        assert [log_methods.text_or_empty(value) for value in (None, "a", 5, b"b")] == ["", "a", "5", "b'b'"]
