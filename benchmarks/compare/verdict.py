"""What arrived, parsed: how many records, and whether each is the record that was written.

The reference protobuf parser counts the records of each body. Each of them is then looked for by the bytes of its
trace id, span id, body and five typed attributes: there must be as many occurrences as records. And one record in some
hundreds, at least one a request, is compared field by field.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from benchmarks.compare.workload import BODY, FIRST_NUMBER, LAST_NUMBER, ORDER_ID, PAID, REGION, TOTAL

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from opentelemetry.proto.common.v1.common_pb2 import AnyValue
    from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
    from opentelemetry.proto.trace.v1.trace_pb2 import Span

_COMPARED_EVERY: Final = 499
_INFO: Final = 9


@dataclass(frozen=True, slots=True)
class Expected:
    """What all records of a run must hold.

    Args:
        trace_id: Of the span that they were written in.
        span_id: Of that span.
        signal: ``logs``, or ``traces`` where each record is a span of its own below that one.
    """

    trace_id: bytes
    span_id: bytes
    signal: str = "logs"

    def as_dict(self) -> dict[str, str]:
        """Give the fields for JSON."""
        return {"trace_id": self.trace_id.hex(), "span_id": self.span_id.hex(), "signal": self.signal}

    def marks(self) -> dict[str, bytes]:
        """Give the bytes that every record holds exactly once, by what they stand for."""
        if self.signal == "traces":
            own = {
                "trace id": b"\x0a\x10" + self.trace_id,
                "span id": b"\x22\x08" + self.span_id,
                "body": _pair("logfire.msg", _text(BODY)),
            }
        else:
            own = {
                "trace id": b"\x4a\x10" + self.trace_id,
                "span id": b"\x52\x08" + self.span_id,
                "body": b"\x2a" + _sized(_text(BODY)),
            }
        return own | {
            "order_id": _pair("order_id", _text(ORDER_ID)),
            "number": b"\x0a\x06number\x12\x04\x18",  # followed by three bytes that differ
            "total": _pair("total", b"\x21" + struct.pack("<d", TOTAL)),
            "paid": _pair("paid", b"\x10" + bytes([PAID])),
            "region": _pair("region", _text(REGION)),
        }


@dataclass(slots=True)
class Verdict:
    """What arrived in a run.

    Args:
        records: Records, as the protobuf parser counts them.
        requests: Requests that held them.
        size: Bytes of those requests, decompressed.
        faults: What was wrong, in words; empty: every record is as it was written.
    """

    records: int = 0
    requests: int = 0
    size: int = 0
    faults: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Give the fields for JSON, faults cut to the first few."""
        return {"records": self.records, "requests": self.requests, "size": self.size, "faults": self.faults[:5]}


def examine(bodies: Iterable[bytes | memoryview], expected: Expected) -> Verdict:
    """Parse all bodies and check each record.

    Args:
        bodies: ``ExportLogsServiceRequest`` messages.
        expected: What every record must hold.
    """
    verdict = Verdict()
    marks = expected.marks()
    for body in bodies:
        message = bytes(body)
        count = _parse(message, expected, verdict)
        for name, mark in marks.items():
            found = message.count(mark)
            if found != count:
                verdict.faults.append(f"{name}: found {found} times in {count} records")
        verdict.records += count
        verdict.requests += 1
        verdict.size += len(message)
    return verdict


def _parse(message: bytes, expected: Expected, verdict: Verdict) -> int:
    count = 0
    for records in _lists(message, expected.signal):
        count += len(records)
        for index in range(0, len(records), _COMPARED_EVERY):
            verdict.faults += _differences(records[index], expected)
    return count


def _lists(message: bytes, signal: str) -> Iterator[Any]:
    """Give the lists of records, or of spans, that a request holds."""
    if signal == "traces":
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

        for resource_spans in ExportTraceServiceRequest.FromString(message).resource_spans:
            for scope_spans in resource_spans.scope_spans:
                yield scope_spans.spans
        return
    for resource_logs in ExportLogsServiceRequest.FromString(message).resource_logs:
        for scope_logs in resource_logs.scope_logs:
            yield scope_logs.log_records


def _differences(record: LogRecord | Span, expected: Expected) -> list[str]:
    """Compare one record field by field; attributes beyond ours (code.*) are allowed."""
    attributes = {pair.key: (pair.value.WhichOneof("value"), pair.value) for pair in record.attributes}
    return _wrong_attributes(attributes) + (
        _wrong_span(record, attributes, expected) if expected.signal == "traces" else _wrong_record(record, expected)
    )


def _wrong_attributes(attributes: Mapping[str, tuple[str | None, AnyValue]]) -> list[str]:
    wanted: dict[str, tuple[str, object]] = {
        "order_id": ("string_value", ORDER_ID),
        "total": ("double_value", TOTAL),
        "paid": ("bool_value", PAID),
        "region": ("string_value", REGION),
    }
    faults = []
    for key, (kind, value) in wanted.items():
        found = attributes.get(key)
        if found is None or found[0] != kind or getattr(found[1], kind) != value:
            faults.append(f"attribute {key} is {found}")
    number = attributes.get("number")
    if number is None or number[0] != "int_value" or not FIRST_NUMBER <= number[1].int_value <= LAST_NUMBER:
        faults.append(f"attribute number is {number}")
    return faults


def _wrong_span(span: Any, attributes: Mapping[str, tuple[str | None, AnyValue]], expected: Expected) -> list[str]:
    level = attributes["logfire.level_num"][1].int_value if "logfire.level_num" in attributes else None
    fields = (level, span.trace_id, span.parent_span_id)
    faults = []
    if fields != (_INFO, expected.trace_id, expected.span_id):
        faults.append(f"level or trace context is {fields}")
    if not span.start_time_unix_nano:
        faults.append("a timestamp is missing")
    return faults


def _wrong_record(record: Any, expected: Expected) -> list[str]:
    faults = []
    fields = (record.severity_number, record.severity_text, record.body.string_value, record.trace_id, record.span_id)
    if fields != (_INFO, "INFO", BODY, expected.trace_id, expected.span_id) or not record.flags & 1:
        faults.append(f"severity, body or trace context is {fields}")
    if not (record.time_unix_nano and record.observed_time_unix_nano):
        faults.append("a timestamp is missing")
    return faults


def _text(text: str) -> bytes:
    return b"\x0a" + _sized(text.encode())


def _sized(value: bytes) -> bytes:
    return bytes([len(value)]) + value


def _pair(key: str, value: bytes) -> bytes:
    return b"\x0a" + _sized(key.encode()) + b"\x12" + _sized(value)
