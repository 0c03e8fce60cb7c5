"""OTLP export requests, protobuf or JSON, decoded into received logs and spans.

opentelemetry-proto's own classes do the decoding, so what a test reads back never depends on our encoder. They are
imported on first use.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, NamedTuple

from fapilog_otel.receiver.records import ReceivedEvent, ReceivedLog, ReceivedScope, ReceivedSpan

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from google.protobuf.message import Message
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
    from opentelemetry.proto.common.v1 import common_pb2
    from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
    from opentelemetry.proto.trace.v1.trace_pb2 import Span

    from fapilog_otel.model.anyvalue import AnyValue
    from fapilog_otel.receiver.records import Attributes, Signal

# OTLP/JSON writes exactly these as hexadecimal text, where protobuf's own JSON mapping has base64.
_HEX_FIELDS = ("traceId", "spanId", "parentSpanId", "trace_id", "span_id", "parent_span_id")


class DecodeError(ValueError):
    """The body is not an OTLP export request in the encoding it claims."""


class Decoded(NamedTuple):
    """The records of one request; one of the two is always empty."""

    logs: tuple[ReceivedLog, ...] = ()
    spans: tuple[ReceivedSpan, ...] = ()


def decode_request(signal: Signal, body: bytes, *, as_json: bool) -> Decoded:
    """Give the logs or spans of an export request.

    Args:
        signal: Which of the two services the request went to.
        body: The message, decompressed.
        as_json: True for OTLP/JSON, False for protobuf.

    Raises:
        DecodeError: The body is malformed.
    """
    if signal == "logs":
        return Decoded(logs=decode_logs(body, as_json=as_json))
    return Decoded(spans=decode_spans(body, as_json=as_json))


def decode_logs(body: bytes, *, as_json: bool = False) -> tuple[ReceivedLog, ...]:
    """Give the log records of an ``ExportLogsServiceRequest`` in the order sent.

    Raises:
        DecodeError: The body is malformed.
    """
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

    message = ExportLogsServiceRequest()
    _parse(message, body, as_json)
    return tuple(_logs(message))


def decode_spans(body: bytes, *, as_json: bool = False) -> tuple[ReceivedSpan, ...]:
    """Give the spans of an ``ExportTraceServiceRequest`` in the order sent.

    Raises:
        DecodeError: The body is malformed.
    """
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    message = ExportTraceServiceRequest()
    _parse(message, body, as_json)
    return tuple(_spans(message))


def _parse(message: Message, body: bytes, as_json: bool) -> None:
    from google.protobuf import json_format
    from google.protobuf.message import DecodeError as ProtobufError

    try:
        if as_json:
            json_format.ParseDict(_json_object(body), message, ignore_unknown_fields=True)
        else:
            message.ParseFromString(body)
    except (json_format.ParseError, ProtobufError, ValueError, RecursionError, TypeError, AttributeError) as error:
        # ParseDict lets TypeError and AttributeError out where the JSON has a list or a text in place of an object.
        raise DecodeError(f"not an OTLP request: {error}") from error


def _json_object(body: bytes) -> dict[str, object]:
    document = json.loads(body, object_hook=_ids_to_base64)
    if not isinstance(document, dict):
        raise DecodeError("the JSON document is no object")
    return document


def _ids_to_base64(node: dict[str, object]) -> dict[str, object]:
    for name in _HEX_FIELDS:
        if isinstance(value := node.get(name), str):
            node[name] = base64.b64encode(_unhex(value)).decode()
    return node


def _unhex(text: str) -> bytes:
    try:
        return binascii.unhexlify(text)
    except ValueError as error:
        raise DecodeError(f"{text[:40]!r} is not a hexadecimal id") from error


def _logs(message: ExportLogsServiceRequest) -> Iterator[ReceivedLog]:
    for resource_logs in message.resource_logs:
        resource = _attributes(resource_logs.resource.attributes)
        for scope_logs in resource_logs.scope_logs:
            scope = _scope(scope_logs.scope, scope_logs.schema_url)
            for record in scope_logs.log_records:
                yield _log(record, resource, resource_logs.schema_url, scope)


def _log(record: LogRecord, resource: Attributes, schema_url: str, scope: ReceivedScope) -> ReceivedLog:
    return ReceivedLog(
        body=_value(record.body),
        attributes=_attributes(record.attributes),
        severity_number=record.severity_number,
        severity_text=record.severity_text,
        trace_id=record.trace_id.hex(),
        span_id=record.span_id.hex(),
        flags=record.flags,
        timestamp=record.time_unix_nano,
        observed_timestamp=record.observed_time_unix_nano,
        event_name=record.event_name,
        dropped_attributes_count=record.dropped_attributes_count,
        resource=resource,
        resource_schema_url=schema_url,
        scope=scope,
    )


def _spans(message: ExportTraceServiceRequest) -> Iterator[ReceivedSpan]:
    for resource_spans in message.resource_spans:
        resource = _attributes(resource_spans.resource.attributes)
        for scope_spans in resource_spans.scope_spans:
            scope = _scope(scope_spans.scope, scope_spans.schema_url)
            for span in scope_spans.spans:
                yield _span(span, resource, scope)


def _span(span: Span, resource: Attributes, scope: ReceivedScope) -> ReceivedSpan:
    return ReceivedSpan(
        name=span.name,
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_span_id=span.parent_span_id.hex(),
        kind=span.kind,
        start=span.start_time_unix_nano,
        end=span.end_time_unix_nano,
        attributes=_attributes(span.attributes),
        status_code=span.status.code,
        status_message=span.status.message,
        events=tuple(
            ReceivedEvent(name=event.name, timestamp=event.time_unix_nano, attributes=_attributes(event.attributes))
            for event in span.events
        ),
        resource=resource,
        scope=scope,
    )


def _scope(scope: common_pb2.InstrumentationScope, schema_url: str) -> ReceivedScope:
    attributes = _attributes(scope.attributes)
    return ReceivedScope(scope.name, scope.version, attributes, scope.dropped_attributes_count, schema_url)


def _attributes(pairs: Iterable[common_pb2.KeyValue]) -> dict[str, AnyValue]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: common_pb2.AnyValue) -> AnyValue:
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return _attributes(value.kvlist_value.values)
    return _scalar(value, kind)


def _scalar(value: common_pb2.AnyValue, kind: str) -> AnyValue:
    found: str | bool | int | float | bytes = getattr(value, kind)
    return found
