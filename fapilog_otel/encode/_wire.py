"""OTLP protobuf writing in plain Python: the readable specification of what the native encoder does.

A LogRecord is written in field order, as a canonical serialiser would:

    1 time_unix_nano fixed64 · 2 severity_number · 3 severity_text · 5 body
    6 attributes... · 7 dropped_attributes_count · 8 flags fixed32 · 9 trace_id · 10 span_id
    11 observed_time_unix_nano fixed64 · 12 event_name

Source: opentelemetry-proto 1.11 ``logs.proto``, ``common.proto``; Protocol Buffers encoding.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fapilog_otel.model.anyvalue import AnyValue
    from fapilog_otel.model.scope import Resource, Scope

_MASK64 = (1 << 64) - 1
_SMALL = [bytes((number,)) for number in range(128)]
_FIXED64 = struct.Struct("<Q").pack
_FIXED32 = struct.Struct("<I").pack
_DOUBLE = struct.Struct("<d").pack
_TRUE = b"\x10\x01"
_FALSE = b"\x10\x00"


def varint(number: int) -> bytes:
    """Give an unsigned number as a protobuf varint."""
    if number < 128:
        return _SMALL[number]
    out = bytearray()
    while number >= 128:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def delimited(tag: bytes, payload: bytes) -> bytes:
    """Give a length-delimited field: tag, length, payload."""
    return tag + varint(len(payload)) + payload


def any_value(value: AnyValue) -> bytes:
    """Give an AnyValue message of a normalised tree; None is the empty message."""
    kind = type(value)
    if kind is str:
        return delimited(b"\x0a", value.encode())  # type: ignore[union-attr]
    if value is None:
        return b""
    if value is True:
        return _TRUE
    if value is False:
        return _FALSE
    if kind is int:
        return b"\x18" + varint(value & _MASK64)  # type: ignore[operator]
    if kind is float:
        return b"\x21" + _DOUBLE(value)
    if kind is bytes:
        return delimited(b"\x3a", value)  # type: ignore[arg-type]
    if kind is dict:
        return delimited(b"\x32", key_values(b"\x0a", value))  # type: ignore[arg-type]
    return delimited(b"\x2a", b"".join([delimited(b"\x0a", any_value(item)) for item in value]))  # type: ignore[union-attr]


def key_chunk(key: str) -> bytes:
    """Give the key field of a KeyValue, absent for an empty key; the same for every record, so callers cache it."""
    return delimited(b"\x0a", key.encode()) if key else b""


def key_value(tag: bytes, key: bytes, value: bytes) -> bytes:
    """Give a KeyValue field under ``tag`` from an encoded key chunk and an encoded AnyValue."""
    size = varint(len(value))
    return tag + varint(len(key) + 1 + len(size) + len(value)) + key + b"\x12" + size + value


def key_values(tag: bytes, attributes: Mapping[str, AnyValue]) -> bytes:
    """Give repeated KeyValue fields under ``tag`` of a normalised mapping."""
    return b"".join([key_value(tag, key_chunk(key), any_value(value)) for key, value in attributes.items()])


def trace_fields(trace_id: int, span_id: int, flags: int) -> bytes:
    """Give fields 8, 9 and 10; what is zero is left out."""
    out = b"\x45" + _FIXED32(flags & 0xFFFFFFFF) if flags else b""
    if trace_id:
        out += b"\x4a\x10" + trace_id.to_bytes(16, "big")
    if span_id:
        out += b"\x52\x08" + span_id.to_bytes(8, "big")
    return out


def log_record(
    timestamp: int,
    observed: int,
    severity: int,
    text: str,
    body: bytes | None,
    attributes: Iterable[bytes],
    dropped: int,
    trace: bytes,
    event_name: str,
) -> bytes:
    """Give one LogRecord message.

    Args:
        timestamp: ns since the epoch; 0: absent.
        observed: ns since the epoch; 0: absent.
        severity: Severity number; 0: absent.
        text: Severity text; empty: absent.
        body: Encoded AnyValue, or None: absent.
        attributes: KeyValue fields under tag 6, see `key_value`.
        dropped: Attributes that a limit removed; 0: absent.
        trace: See `trace_fields`.
        event_name: Empty: absent.
    """
    parts = [b"\x09" + _FIXED64(timestamp)] if timestamp else []
    if severity:
        parts.append(b"\x10" + _SMALL[severity])
    if text:
        parts.append(delimited(b"\x1a", text.encode()))
    if body is not None:
        parts.append(delimited(b"\x2a", body))
    parts.extend(attributes)
    if dropped:
        parts.append(b"\x38" + varint(dropped))
    parts.append(trace)
    if observed:
        parts.append(b"\x59" + _FIXED64(observed))
    if event_name:
        parts.append(delimited(b"\x62", event_name.encode()))
    return b"".join(parts)


def resource_fields(resource: Resource) -> bytes:
    """Give the ``resource`` field (1) of ResourceLogs, cached on the resource."""
    if resource.wire is None:
        resource.wire = delimited(b"\x0a", key_values(b"\x0a", resource.attributes))
    return resource.wire


def scope_fields(scope: Scope) -> bytes:
    """Give the ``scope`` field (1) of ScopeLogs, cached on the scope."""
    if scope.wire is None:
        inner = delimited(b"\x0a", scope.name.encode()) if scope.name else b""
        if scope.version:
            inner += delimited(b"\x12", scope.version.encode())
        scope.wire = delimited(b"\x0a", inner + key_values(b"\x1a", scope.attributes))
    return scope.wire


def schema_url_field(schema_url: str) -> bytes:
    """Give the ``schema_url`` field (3) of ResourceLogs or ScopeLogs; empty: absent."""
    return delimited(b"\x1a", schema_url.encode()) if schema_url else b""
