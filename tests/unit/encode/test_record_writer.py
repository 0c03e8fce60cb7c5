"""The short way writes what the long way does; where its tables end nothing changes."""

from __future__ import annotations

from typing import Any

import pytest

from fapilog_otel.encode._wire import trace_fields
from fapilog_otel.encode.plan import MASK, EncodePlan, Limits, Redaction
from fapilog_otel.encode.record_writer import RecordWriter, tagged
from fapilog_otel.encode.values import build_payload
from fapilog_otel.pipeline import default_redaction

TRACE = trace_fields(1 << 100, 1 << 50, 1)
EDGES = (0, 1, 124, 125, 126, 127, 128, 129, 1021, 1022, 1023, 1024, 1025, 16_383, 16_384, 70_000)
PLANS = {
    "plain": EncodePlan(),
    "redacting": EncodePlan(redaction=default_redaction()),
    "masking": EncodePlan(redaction=Redaction(lambda path: MASK, mask="gone")),
    "cutting": EncodePlan(limits=Limits(value_length=126, attributes=3, record_bytes=20_000)),
}


def check(writer: RecordWriter, plan: EncodePlan, *fields: Any) -> None:
    timestamp, observed, severity, text, body, attributes, trace, event = fields
    expected = build_payload(plan, timestamp, observed, severity, text, body, attributes, 0, trace, event)
    for _ in range(2):
        written = writer.write(timestamp, observed, severity, text, body, dict(attributes), trace, event)
        assert written == tagged(expected)


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
class TestShortWay:
    def test_at_every_length_of_texts(self, plan: EncodePlan) -> None:
        writer = RecordWriter(plan)
        for size in EDGES:
            for letter in ("x", "é", "😀", "\ud800"):
                text = letter * size
                check(writer, plan, 5, 6, 9, "INFO", text, {"a": text, "é": text, "k" * 300: text}, TRACE, "")

    def test_at_every_length_of_keys(self, plan: EncodePlan) -> None:
        writer = RecordWriter(plan)
        for size in (*EDGES[:8], 255, 256, 257, 2000):
            values = ["text", "", True, False, None, 1.5, 1, 300, 70_000, 1 << 40, -1, 1 << 70, b"b", [1], {"k": 1}]
            for value in values:
                check(writer, plan, 5, 5, 9, "INFO", "m", {"k" * size: value, "after": value}, b"", "")

    def test_at_every_width_of_numbers(self, plan: EncodePlan) -> None:
        writer = RecordWriter(plan)
        for bits in range(72):
            for value in (1 << bits, (1 << bits) - 1, -(1 << bits)):
                check(writer, plan, 5, 6, 9, "INFO", value, {"a": value, "b": float(value)}, b"", "")

    def test_with_and_without_each_other_field(self, plan: EncodePlan) -> None:
        writer = RecordWriter(plan)
        for timestamp, observed in ((0, 0), (0, 7), (7, 0), (7, 7), (7, 8), ((1 << 64) - 1, 1)):
            for severity, text in ((0, ""), (0, "X"), (9, ""), (9, "INFO"), (24, "x" * 300)):
                for body in (None, "", "m", [], {"a": None}, 5):
                    check(writer, plan, timestamp, observed, severity, text, body, {}, b"", "")
                    check(
                        writer, plan, timestamp, observed, severity, text, body, {"": 1, "a": 2}, TRACE, "event\ud800"
                    )

    def test_with_more_attributes_than_are_allowed(self, plan: EncodePlan) -> None:
        writer = RecordWriter(plan)
        limit = plan.limits.attributes
        for count in (limit - 1, limit, limit + 1, limit + 5):
            given = {**{f"k{number}": number for number in range(count)}, "exception.type": "E", "": 1}
            check(writer, plan, 5, 6, 9, "INFO", "m", given, b"", "")
