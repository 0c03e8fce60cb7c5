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
    from collections.abc import Iterable

    from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

_COMPARED_EVERY: Final = 499
_INFO: Final = 9


@dataclass(frozen=True, slots=True)
class Expected:
    """The span that all records were written in."""

    trace_id: bytes
    span_id: bytes

    def marks(self) -> dict[str, bytes]:
        """Give the bytes that every record holds exactly once, by what they stand for."""
        return {
            "trace id": b"\x4a\x10" + self.trace_id,
            "span id": b"\x52\x08" + self.span_id,
            "body": b"\x2a" + _sized(_text(BODY)),
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
    request = ExportLogsServiceRequest.FromString(message)
    count = 0
    for resource_logs in request.resource_logs:
        for scope_logs in resource_logs.scope_logs:
            records = scope_logs.log_records
            count += len(records)
            for index in range(0, len(records), _COMPARED_EVERY):
                verdict.faults += _differences(records[index], expected)
    return count


def _differences(record: LogRecord, expected: Expected) -> list[str]:
    """Compare one record field by field; attributes beyond ours (code.*) are allowed."""
    attributes = {pair.key: (pair.value.WhichOneof("value"), pair.value) for pair in record.attributes}
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
