"""What arrived in a run whose records are not the usual one: how many are in the span, and what they look like."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord


def shapes(bodies: Iterable[bytes | memoryview], trace_id: bytes) -> dict[str, Any]:
    """Parse all bodies and look at every record.

    Args:
        bodies: ``ExportLogsServiceRequest`` messages.
        trace_id: Of the span that they should be in.

    Returns:
        ``records``, ``in_span`` (how many of them are), ``size`` (bytes of the messages), and ``shapes``: by kind and
        length of the body and number of attributes, how many there were.
    """
    records = in_span = size = 0
    found: Counter[str] = Counter()
    for body in bodies:
        message = bytes(body)
        size += len(message)
        for record in _records(message):
            records += 1
            in_span += record.trace_id == trace_id
            kind = record.body.WhichOneof("value") or "none"
            found[f"{kind} {len(getattr(record.body, kind, ''))} {len(record.attributes)}"] += 1
    return {"records": records, "in_span": in_span, "size": size, "shapes": dict(found)}


def _records(message: bytes) -> Iterator[LogRecord]:
    for resource_logs in ExportLogsServiceRequest.FromString(message).resource_logs:
        for scope_logs in resource_logs.scope_logs:
            yield from scope_logs.log_records
