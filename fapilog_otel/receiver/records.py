"""What arrived, as immutable values: OTLP log records, spans and the requests that carried them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fapilog_otel.model.anyvalue import AnyValue

Attributes: TypeAlias = "Mapping[str, AnyValue]"
Signal: TypeAlias = Literal["logs", "traces"]
Transport: TypeAlias = Literal["http", "grpc"]


@dataclass(frozen=True, slots=True)
class ReceivedScope:
    """The instrumentation scope that a record or span came in (OTLP ``InstrumentationScope``).

    Args:
        name: Scope name.
        version: Scope version, or empty.
        attributes: Scope attributes.
        dropped_attributes_count: Attributes that the sender dropped.
        schema_url: Schema URL of the scope's telemetry, or empty.
    """

    name: str = ""
    version: str = ""
    attributes: Attributes = field(default_factory=dict)
    dropped_attributes_count: int = 0
    schema_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedLog:
    """One log record with every field of OTLP ``LogRecord``, and what it was wrapped in.

    Args:
        body: The body; None where it is absent or an AnyValue without a field.
        attributes: Attributes by key; of equal keys the last one.
        severity_number: 0-24.
        severity_text: The source's name of the level.
        trace_id: 32 hex digits, or empty.
        span_id: 16 hex digits, or empty.
        flags: The flags word; its lowest byte holds the W3C trace flags.
        timestamp: ns since the epoch, 0: unknown.
        observed_timestamp: ns since the epoch.
        event_name: Name of the event class, or empty.
        dropped_attributes_count: Attributes that the sender dropped.
        resource: Attributes of the resource.
        resource_schema_url: Schema URL of the resource, or empty.
        scope: The instrumentation scope.
    """

    body: AnyValue = None
    attributes: Attributes = field(default_factory=dict)
    severity_number: int = 0
    severity_text: str = ""
    trace_id: str = ""
    span_id: str = ""
    flags: int = 0
    timestamp: int = 0
    observed_timestamp: int = 0
    event_name: str = ""
    dropped_attributes_count: int = 0
    resource: Attributes = field(default_factory=dict)
    resource_schema_url: str = ""
    scope: ReceivedScope = field(default_factory=ReceivedScope)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedEvent:
    """An event on a span.

    Args:
        name: Event name.
        timestamp: ns since the epoch.
        attributes: Event attributes.
    """

    name: str = ""
    timestamp: int = 0
    attributes: Attributes = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedSpan:
    """One span: what it takes to draw a trace and to nest log records under it (OTLP ``Span``, without links).

    Args:
        name: Span name.
        trace_id: 32 hex digits.
        span_id: 16 hex digits.
        parent_span_id: 16 hex digits, or empty for a root span.
        kind: OTLP ``SpanKind`` as a number.
        start: ns since the epoch.
        end: ns since the epoch.
        attributes: Span attributes.
        status_code: 0 unset, 1 ok, 2 error.
        status_message: Description of an error, or empty.
        events: Events in the order sent.
        resource: Attributes of the resource.
        scope: The instrumentation scope.
    """

    name: str = ""
    trace_id: str = ""
    span_id: str = ""
    parent_span_id: str = ""
    kind: int = 0
    start: int = 0
    end: int = 0
    attributes: Attributes = field(default_factory=dict)
    status_code: int = 0
    status_message: str = ""
    events: tuple[ReceivedEvent, ...] = ()
    resource: Attributes = field(default_factory=dict)
    scope: ReceivedScope = field(default_factory=ReceivedScope)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedRequest:
    """One export request as it came over the wire, whatever was answered to it.

    Args:
        transport: ``http`` or ``grpc``.
        path: Request path, for gRPC the full method name.
        headers: HTTP headers or gRPC metadata, names in lower case; of equal names the last one.
        size: Bytes of the body as sent; on gRPC, which decompresses first, the bytes of the message.
        content_encoding: ``gzip``, ``deflate`` or empty; always empty on gRPC, which hides it.
        signal: ``logs`` or ``traces``; None where the path names neither.
        count: Records or spans in it; 0 where the body was not read or cannot be decoded.
        body: The decoded body, where the receiver was told to keep bodies; else empty.
        arrived: Seconds of the monotonic clock at which it had been read.
    """

    transport: Transport
    path: str
    headers: Mapping[str, str]
    size: int = 0
    content_encoding: str = ""
    signal: Signal | None = None
    count: int = 0
    body: bytes = b""
    arrived: float = 0.0
