"""The way of a record through inline stages: a `Record` value is built, the stages run, what is left is encoded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fapilog_otel.encode._wire import trace_fields
from fapilog_otel.encode.values import build_payload, record_payload, safe_mapping
from fapilog_otel.model.anyvalue import Budget, clean_text, normalise, normalise_key
from fapilog_otel.model.record import Record
from fapilog_otel.model.severity import MAX_SEVERITY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fapilog_otel.encode.plan import EncodePlan
    from fapilog_otel.model.scope import Scope


def parse_trace_fields(fields: bytes) -> tuple[int, int, int]:
    """Give (trace id, span id, flags) back from what ``_wire.trace_fields`` wrote."""
    trace_id = span_id = flags = 0
    position = 0
    while position < len(fields):
        tag = fields[position]
        if tag == 0x45:
            flags = int.from_bytes(fields[position + 1 : position + 5], "little")
            position += 5
        elif tag == 0x4A:
            trace_id = int.from_bytes(fields[position + 2 : position + 18], "big")
            position += 18
        else:
            span_id = int.from_bytes(fields[position + 2 : position + 10], "big")
            position += 10
    return trace_id, span_id, flags


def run_stages(
    plan: EncodePlan,
    scope: Scope,
    timestamp: int,
    observed: int,
    severity: int,
    text: str,
    body: object,
    attributes: Mapping[str, object],
    trace: bytes,
    event_name: str,
    dropped: int = 0,
) -> tuple[bytes, int, Scope] | None:
    """Give the encoded LogRecord, its severity and its scope after all inline stages, or None: filtered out."""
    budget = Budget(plan.limits.nodes, plan.limits.depth)
    trace_id, span_id, flags = parse_trace_fields(trace)
    record: Record | None = Record(
        timestamp=timestamp,
        observed_timestamp=observed,
        severity_number=severity,
        severity_text=clean_text(text),
        body=normalise(body, budget),
        attributes={normalise_key(key): normalise(value, budget) for key, value in attributes.items()},
        dropped_attributes_count=dropped,
        trace_id=trace_id,
        span_id=span_id,
        trace_flags=flags,
        event_name=clean_text(event_name),
        scope=scope,
    )
    for stage in plan.stages:
        if record is None:
            return None
        record = stage(record)
    if record is None:
        return None
    number = record.severity_number
    if not 0 <= number <= MAX_SEVERITY:
        record = record.replace(severity_number=0)
    return record_payload(record, plan), record.severity_number, record.scope


def encode_fields(
    plan: EncodePlan,
    scope: Scope,
    timestamp: int,
    observed: int,
    severity: int,
    text: str,
    body: object,
    attributes: Mapping[str, object] | None,
    ids: tuple[int, int, int],
    event_name: str,
    dropped: int,
) -> tuple[bytes, int, Scope] | None:
    """Give the encoded LogRecord, severity and scope of a record with complete attributes, or None: filtered out."""
    trace = trace_fields(*ids)
    own = {} if attributes is None else safe_mapping(attributes)
    if plan.stages:
        return run_stages(
            plan,
            scope,
            timestamp,
            observed,
            severity,
            text,
            body,
            own,
            trace,
            event_name,
            dropped,
        )
    payload = build_payload(
        plan,
        timestamp,
        observed,
        severity,
        text,
        body,
        own,
        dropped,
        trace,
        event_name,
    )
    return payload, severity, scope
