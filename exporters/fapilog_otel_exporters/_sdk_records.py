"""Records as the SDK's exporters expect them; imports the SDK, so only the adapter loads this, when it starts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

from fapilog_otel.compat.api import LogRecord, SeverityNumber
from fapilog_otel.compat.sdk import InstrumentationScope, LogRecordLimits, ReadableLogRecord
from fapilog_otel.compat.sdk import Resource as SdkResource
from fapilog_otel.model.severity import MAX_SEVERITY, TRACE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fapilog_otel.model.anyvalue import AnyValue
    from fapilog_otel.model.record import Record
    from fapilog_otel.model.scope import Resource, Scope

_UNSET: Final = LogRecordLimits.UNSET
# What our own limits let pass is not cut again; -1 keeps the SDK from reading its environment variables.
_NO_LIMITS: Final = LogRecordLimits(_UNSET, _UNSET, _UNSET, _UNSET)


def readable_records(records: Sequence[Record]) -> list[ReadableLogRecord]:
    """Give the records as a stock processor would hand them to its exporter.

    Sequences among the attributes become tuples, as the SDK keeps them; records of one scope share its objects, which
    are those that the application made wherever it made them.
    """
    scopes: dict[int, tuple[InstrumentationScope, SdkResource]] = {}
    resources: dict[int, SdkResource] = {}
    out = []
    for record in records:
        known = scopes.get(id(record.scope))
        if known is None:
            resource = record.scope.resource
            if id(resource) not in resources:
                resources[id(resource)] = _sdk_resource(resource)
            known = scopes[id(record.scope)] = _sdk_scope(record.scope), resources[id(resource)]
        out.append(ReadableLogRecord(_log_record(record), known[1], known[0], _NO_LIMITS))
    return out


def _log_record(record: Record) -> LogRecord:
    number = record.severity_number
    out = LogRecord(
        timestamp=record.timestamp or None,
        observed_timestamp=record.observed_timestamp,
        context=_context(record),
        severity_text=record.severity_text or None,
        severity_number=SeverityNumber(number) if TRACE <= number <= MAX_SEVERITY else None,
        body=record.body,
        event_name=record.event_name or None,
    )
    out.attributes = _attributes(record)
    return out


def _context(record: Record) -> Context:
    """Give a context whose span has the record's ids, or none if it has none, whatever is current here."""
    flags = TraceFlags(record.trace_flags)
    span = NonRecordingSpan(SpanContext(record.trace_id, record.span_id, is_remote=False, trace_flags=flags))
    return set_span_in_context(span, Context())


def _attributes(record: Record) -> Mapping[str, Any]:
    # The SDK's mapping drops empty keys inside of values and costs as much as the rest of the record: it is used only
    # where something else needs it, which is the number of dropped attributes.
    attributes = {key: _frozen(value) for key, value in record.attributes.items()}
    if not record.dropped_attributes_count:
        return attributes
    bounded = BoundedAttributes(attributes=attributes, immutable=False)
    bounded.dropped = record.dropped_attributes_count
    return bounded


def _frozen(value: AnyValue) -> AnyValue:
    if isinstance(value, (list, tuple)):
        return tuple(_frozen(item) for item in value)
    if isinstance(value, Mapping):
        return {key: _frozen(item) for key, item in value.items()}
    return value


def _sdk_scope(scope: Scope) -> InstrumentationScope:
    if isinstance(scope.origin, InstrumentationScope):
        return scope.origin
    attributes: Any = scope.attributes or None
    return InstrumentationScope(scope.name, scope.version or None, scope.schema_url or None, attributes)


def _sdk_resource(resource: Resource) -> SdkResource:
    if isinstance(resource.origin, SdkResource):
        return resource.origin
    attributes: Any = resource.attributes
    return SdkResource(attributes, resource.schema_url)
