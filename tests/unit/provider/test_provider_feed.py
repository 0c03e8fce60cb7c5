"""SDK records through our processor: the native encoder's short way and the general one say the same."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk._logs import LogRecordLimits, ReadWriteLogRecord
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import TraceFlags

from fapilog_otel.assembly import LevelGate
from fapilog_otel.model.record import Record
from fapilog_otel.pipeline import build_chain
from fapilog_otel.provider.processor import RecordFeed
from tests.unit.encode.encoders import NATIVE, PYTHON, Bench

CHAIN = build_chain()
RESOURCE = Resource({"service.name": "shop"})
TRACE, SPAN = 0x0102030405060708090A0B0C0D0E0F10, 0x1112131415161718
SCOPE = InstrumentationScope("cart", "1.0")


class Engine:
    """What a feed needs of an engine."""

    def __init__(self, bench: Bench) -> None:
        self.core = bench.core
        self.spec = SimpleNamespace(chain=CHAIN)


def sdk_record(scope: Any = SCOPE, resource: Any = RESOURCE, limits: Any = None, ids: Any = None, **fields: Any) -> Any:
    """An SDK record as a stock provider makes it, its ids set afterwards."""
    made = LogRecord(**{"timestamp": 5, "observed_timestamp": 6, "body": "b", **fields})
    made.trace_id, made.span_id, made.trace_flags = ids or (TRACE, SPAN, TraceFlags(1))
    more = {} if limits is None else {"limits": limits}
    return ReadWriteLogRecord(made, resource=resource, instrumentation_scope=scope, **more)


def fed(records: list[Any], level: int = 0) -> list[Record]:
    """What both encoders make of some records, each handed over twice; they must agree."""
    found = []
    for twin in (NATIVE, PYTHON):
        bench, feed, gate = Bench(twin), RecordFeed(), LevelGate(level)
        engine: Any = Engine(bench)
        for record in records:
            feed.feed(engine, record, gate)
            feed.feed(engine, record, gate)
        assert bench.balanced()
        found.append(bench.records())
    native, python = found
    assert native == python
    assert native[::2] == native[1::2]
    return native[::2]


class TestFields:
    @pytest.mark.parametrize(
        "fields",
        [
            {},
            {"body": None},
            {"body": {"a": [1]}},
            {"body": "\ud800"},
            {"timestamp": None, "observed_timestamp": 7},
            {"timestamp": 1 << 63},
            {"timestamp": -1},
            {"timestamp": 1.5},
            {"severity_number": SeverityNumber.ERROR, "severity_text": "ERROR"},
            {"severity_number": 17, "severity_text": 5},
            {"event_name": "order.placed"},
            {"event_name": 5},
            {"attributes": {"a": 1, "b": "two", "c": True, "d": 2.5, "e": None}},
            {"attributes": {"a": [1, "x"], "b": {"c": b"x"}}},
            {"attributes": {}},
        ],
        ids=repr,
    )
    def test_are_those_of_the_record(self, fields: dict[str, Any]) -> None:
        (record,) = fed([sdk_record(**fields)])
        assert (record.trace_id, record.span_id, record.trace_flags) == (TRACE, SPAN, 1)
        assert record.scope.name == "cart"

    def test_attributes_that_a_processor_changed_are_the_present_ones(self) -> None:
        record = sdk_record(attributes={"a": 1})
        record.log_record.attributes["b"] = 2
        (first,) = fed([record])
        record.log_record.attributes = {"c": 3}
        (second,) = fed([record])
        assert (first.attributes, second.attributes) == ({"a": 1, "b": 2}, {"c": 3})

    def test_attributes_that_limits_left_out_are_counted(self) -> None:
        limits = LogRecordLimits(max_attributes=1)
        with pytest.warns(UserWarning, match="dropped"):
            record = sdk_record(limits=limits, attributes={"a": 1, "b": 2})
        (found,) = fed([record])
        assert found.dropped_attributes_count == 1


class TestIds:
    def test_follow_the_record_and_not_the_one_before(self) -> None:
        given = [
            (TRACE, SPAN, TraceFlags(1)), (TRACE, SPAN + 1, TraceFlags(1)), (TRACE, SPAN + 1, TraceFlags(0)), (0, 0, 0),
            (TRACE + 1, SPAN, TraceFlags(1)), (TRACE, 0, 0), (1 << 128, 1 << 64, 1), (-1, 5, 1), (TRACE, SPAN, None),
        ]  # fmt: skip
        found = fed([sdk_record(ids=ids) for ids in given])
        assert [(one.trace_id, one.span_id, one.trace_flags) for one in found] == [
            (TRACE, SPAN, 1), (TRACE, SPAN + 1, 1), (TRACE, SPAN + 1, 0), (0, 0, 0),
            (TRACE + 1, SPAN, 1), (TRACE, 0, 0), (0, 0, 1), (0, 5, 1), (TRACE, SPAN, 0),
        ]  # fmt: skip

    @pytest.mark.parametrize(
        "ids", [("x", "y", "z"), (1.5, 2.5, 3.5), (None, None, None), (True, True, True)], ids=repr
    )
    def test_of_another_type_cost_only_themselves(self, ids: Any) -> None:
        (found,) = fed([sdk_record(ids=ids)])
        assert found.body == "b"


class TestGate:
    def test_lets_through_what_reaches_the_level_or_has_none(self) -> None:
        numbers = [None, *SeverityNumber]
        found = fed([sdk_record(severity_number=number) for number in numbers], level=13)
        assert [record.severity_number for record in found] == [0, 0, *range(13, 25)]


class TestScopes:
    def test_follow_the_record_and_not_the_one_before(self) -> None:
        other, elsewhere = InstrumentationScope("other"), Resource({"service.name": "elsewhere"})
        found = fed(
            [sdk_record(), sdk_record(other), sdk_record(other, elsewhere), sdk_record(None, None), sdk_record()]
        )
        assert [(one.scope.name, one.scope.resource.attributes.get("service.name")) for one in found] == [
            ("cart", "shop"), ("other", "shop"), ("other", "elsewhere"), ("", None), ("cart", "shop"),
        ]  # fmt: skip
