"""OTLP protobuf bytes become records again, in plain Python: for late stages, console, JSON and the SDK adapter.

::

    ExportLogsServiceRequest ─► ResourceLogs ─► ScopeLogs ─► LogRecord ─► KeyValue ─► AnyValue ─┐
                                 Resource        Scope                       ▲                  │ lists, maps
                                                                             └──────────────────┘

Unknown fields are skipped, and a known field with a foreign wire type counts as unknown, as protobuf demands. A message
is a range of the one buffer; only text and bytes are sliced. Source: opentelemetry-proto ``logs.proto`` and
``common.proto``.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from fapilog_otel.model.record import Record
from fapilog_otel.model.scope import Resource, Scope

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fapilog_otel.model.anyvalue import AnyValue

MAX_DEPTH: Final = 64

_VARINT, _FIXED64, _LENGTH, _GROUP, _GROUP_END, _FIXED32 = range(6)
_MAX_TAG: Final = 0xFFFF_FFFF
_read_double = struct.Struct("<d").unpack_from


def decode_record(payload: bytes | memoryview, scope: Scope) -> Record:
    """Give the record that one encoded ``LogRecord`` message holds.

    Args:
        payload: The message without its tag and length.
        scope: The scope that the record was written in.

    Raises:
        ValueError: The message is truncated, malformed or nested deeper than 64.
    """
    data = bytes(payload)
    return _record(data, 0, len(data), scope)


def decode_request(data: bytes | memoryview) -> list[Record]:
    """Give the records of an ``ExportLogsServiceRequest`` in their order; those of one scope share their `Scope`.

    Args:
        data: The whole message, not compressed.

    Raises:
        ValueError: The message is truncated, malformed or nested deeper than 64.
    """
    data = bytes(data)
    records: list[Record] = []
    for tag, start, stop in _fields(data, 0, len(data)):
        if tag == 0x0A:
            _resource_logs(data, start, stop, records)
    return records


def _resource_logs(data: bytes, start: int, stop: int, out: list[Record]) -> None:
    attributes: dict[str, AnyValue] = {}
    schema_url = ""
    scopes: list[tuple[int, int]] = []
    for tag, lo, hi in _fields(data, start, stop):
        if tag == 0x0A:
            attributes.update(_key_value(data, a, b, 0) for key, a, b in _fields(data, lo, hi) if key == 0x0A)
        elif tag == 0x12:
            scopes.append((lo, hi))
        elif tag == 0x1A:
            schema_url = _text(data, lo, hi)
    resource = Resource(attributes, schema_url)
    for lo, hi in scopes:
        _scope_logs(data, lo, hi, resource, out)


def _scope_logs(data: bytes, start: int, stop: int, resource: Resource, out: list[Record]) -> None:
    scope = Scope(resource=resource)
    records: list[tuple[int, int]] = []
    for tag, lo, hi in _fields(data, start, stop):
        if tag == 0x0A:
            _scope(data, lo, hi, scope)
        elif tag == 0x12:
            records.append((lo, hi))
        elif tag == 0x1A:
            scope.schema_url = _text(data, lo, hi)
    out.extend(_record(data, lo, hi, scope) for lo, hi in records)


def _scope(data: bytes, start: int, stop: int, scope: Scope) -> None:
    attributes = dict(scope.attributes)
    for tag, lo, hi in _fields(data, start, stop):
        if tag == 0x0A:
            scope.name = _text(data, lo, hi)
        elif tag == 0x12:
            scope.version = _text(data, lo, hi)
        elif tag == 0x1A:
            key, value = _key_value(data, lo, hi, 0)
            attributes[key] = value
    scope.attributes = attributes


def _record(data: bytes, start: int, stop: int, scope: Scope) -> Record:
    timestamp = observed_timestamp = severity_number = dropped = trace_id = span_id = trace_flags = 0
    severity_text = event_name = ""
    body: AnyValue = None
    attributes: dict[str, AnyValue] = {}
    for tag, lo, hi in _fields(data, start, stop):
        if tag == 0x32:
            key, value = _key_value(data, lo, hi, 0)
            attributes[key] = value
        elif tag == 0x09:
            timestamp = int.from_bytes(data[lo:hi], "little")
        elif tag == 0x59:
            observed_timestamp = int.from_bytes(data[lo:hi], "little")
        elif tag == 0x10:
            severity_number = _signed(lo, 32)
        elif tag == 0x1A:
            severity_text = _text(data, lo, hi)
        elif tag == 0x2A:
            body = _any_value(data, lo, hi, 0)
        elif tag == 0x38:
            dropped = lo & 0xFFFF_FFFF
        elif tag == 0x45:
            trace_flags = data[lo]  # the 24 bits above the W3C flags are reserved
        elif tag == 0x4A:
            trace_id = _identifier(data, lo, hi, 16)
        elif tag == 0x52:
            span_id = _identifier(data, lo, hi, 8)
        elif tag == 0x62:
            event_name = _text(data, lo, hi)
    return Record(
        timestamp=timestamp,
        observed_timestamp=observed_timestamp,
        severity_number=severity_number,
        severity_text=severity_text,
        body=body,
        attributes=attributes,
        dropped_attributes_count=dropped,
        trace_id=trace_id,
        span_id=span_id,
        trace_flags=trace_flags,
        event_name=event_name,
        scope=scope,
    )


def _key_value(data: bytes, start: int, stop: int, depth: int) -> tuple[str, AnyValue]:
    key = ""
    value: AnyValue = None
    for tag, lo, hi in _fields(data, start, stop):
        if tag == 0x0A:
            key = _text(data, lo, hi)
        elif tag == 0x12:
            value = _any_value(data, lo, hi, depth)
    return key, value


def _any_value(data: bytes, start: int, stop: int, depth: int) -> AnyValue:
    value: AnyValue = None
    for tag, lo, hi in _fields(data, start, stop):
        if tag == 0x0A:
            value = _text(data, lo, hi)
        elif tag == 0x10:
            value = lo != 0
        elif tag == 0x18:
            value = _signed(lo, 64)
        elif tag == 0x21:
            value = _read_double(data, lo)[0]
        elif tag == 0x2A:
            value = _items(data, lo, hi, depth + 1)
        elif tag == 0x32:
            value = _mapping(data, lo, hi, depth + 1)
        elif tag == 0x3A:
            value = data[lo:hi]
    return value


def _items(data: bytes, start: int, stop: int, depth: int) -> list[AnyValue]:
    _check_depth(depth)
    return [_any_value(data, lo, hi, depth) for tag, lo, hi in _fields(data, start, stop) if tag == 0x0A]


def _mapping(data: bytes, start: int, stop: int, depth: int) -> dict[str, AnyValue]:
    _check_depth(depth)
    return dict(_key_value(data, lo, hi, depth) for tag, lo, hi in _fields(data, start, stop) if tag == 0x0A)


def _check_depth(depth: int) -> None:
    if depth > MAX_DEPTH:
        raise ValueError(f"malformed OTLP message: values nested deeper than {MAX_DEPTH}")


def _text(data: bytes, start: int, stop: int) -> str:
    # Strict decoding would lose the whole request for one bad byte; proto3 leaves this to the implementation's parser.
    return data[start:stop].decode("utf-8", "replace")


def _identifier(data: bytes, start: int, stop: int, size: int) -> int:
    """Give an id; one of the wrong size is invalid, and the record then belongs to no trace (``logs.proto``)."""
    return int.from_bytes(data[start:stop], "big") if stop - start == size else 0


def _signed(value: int, bits: int) -> int:
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def _fields(data: bytes, position: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Give (tag, value, 0) of each varint field and (tag, start, stop) of each other one; groups are skipped."""
    while position < end:
        tag = data[position]
        position += 1
        if tag >= 0x80:
            tag, position = _varint(data, position - 1, end)
        if not 8 <= tag <= _MAX_TAG:
            raise ValueError(f"malformed OTLP message: field number {tag >> 3} before byte {position}")
        kind = tag & 7
        if kind == _VARINT:
            value, position = _varint(data, position, end)
            yield tag, value, 0
            continue
        if kind == _LENGTH:
            # Nearly every length is one byte: a call less for each of them.
            size = data[position] if position < end else 0x80
            if size < 0x80:
                position += 1
            else:
                size, position = _varint(data, position, end)
            stop = position + size
        else:
            stop = _fixed_stop(data, kind, position, end)
        if stop > end:
            raise ValueError(f"truncated OTLP message: field at byte {position} ends at {stop} of {end}")
        yield tag, position, stop
        position = stop


def _fixed_stop(data: bytes, kind: int, position: int, end: int) -> int:
    if kind == _FIXED64:
        return position + 8
    if kind == _FIXED32:
        return position + 4
    if kind == _GROUP:
        return _group_end(data, position, end)
    raise ValueError(f"malformed OTLP message: wire type {kind} at byte {position}")


def _group_end(data: bytes, position: int, end: int) -> int:
    """Give the position after a group, which OTLP never writes but protobuf wants skipped."""
    depth = 1
    while depth:
        tag, position = _varint(data, position, end)
        kind = tag & 7
        if kind in {_GROUP, _GROUP_END}:
            depth += 1 if kind == _GROUP else -1
        elif kind == _VARINT:
            _, position = _varint(data, position, end)
        elif kind == _LENGTH:
            size, position = _varint(data, position, end)
            position += size
        else:
            position = _fixed_stop(data, kind, position, end)
    return position


def _varint(data: bytes, position: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while position < end:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
        if shift >= 70:
            raise ValueError(f"malformed OTLP message: varint longer than ten bytes at byte {position}")
    raise ValueError(f"truncated OTLP message: varint cut off at byte {end}")
