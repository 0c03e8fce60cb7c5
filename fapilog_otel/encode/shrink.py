"""A record larger than its limit is cut until it fits: long texts in the middle, marked; then attributes go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fapilog_otel.encode import _wire
from fapilog_otel.encode.decode import decode_record
from fapilog_otel.model.anyvalue import clean_text
from fapilog_otel.model.scope import Scope

if TYPE_CHECKING:
    from fapilog_otel.model.anyvalue import AnyValue
    from fapilog_otel.model.record import Record

_NO_SCOPE = Scope()
_KEEP_AT_LEAST = 256
_SLACK = 64  # bytes; less is not worth the note that a cut leaves
_NOTE = 40  # bytes at most of the note; a text has fewer than 10^18
_COUNT_FIELD = 6  # bytes that dropped_attributes_count may come to take
_BODY = ""
_STACKTRACE = "exception.stacktrace"


def cut_middle(text: str, size: int) -> str:
    """Give a text of at most ``size`` UTF-8 bytes: its beginning, a note of how many bytes are missing, its end."""
    data = text.encode()
    room = max(size - _NOTE, 0)
    head = data[: room - room // 2].decode(errors="ignore")
    tail = data[len(data) - room // 2 :].decode(errors="ignore")
    missing = len(data) - len(head.encode()) - len(tail.encode())
    return f"{head}\n[... {missing} bytes cut ...]\n{tail}"


def shrink_payload(payload: bytes, limit: int) -> bytes:
    """Give an encoded LogRecord cut to ``limit`` bytes.

    Args:
        payload: A LogRecord message.
        limit: Bytes; a record without any text may stay larger than a limit of a few dozen bytes.
    """
    record = decode_record(payload, _NO_SCOPE)
    names = max(limit // 8, 16)
    record = record.replace(
        severity_text=_beginning(record.severity_text, names), event_name=_beginning(record.event_name, names)
    )
    body, attributes = record.body, dict(record.attributes)
    size = len(_encode(record, body, attributes))
    keep = min(_KEEP_AT_LEAST, limit // 4)
    for key, weight in _in_cutting_order(body, attributes, keep, size - limit):
        if size <= limit:
            break
        value = body if key == _BODY else attributes[key]
        wanted = max(weight - (size - limit) - _SLACK, keep)
        short: AnyValue = cut_middle(value, wanted) if isinstance(value, str) else f"[{weight} bytes cut]"
        if key == _BODY:
            body = short
        else:
            attributes[key] = short
        size += len(_wire.any_value(short)) - weight
    dropped = _drop_largest(attributes, size - limit)
    record = record.replace(dropped_attributes_count=record.dropped_attributes_count + dropped)
    return _encode(record, body, attributes)


def _beginning(text: str, size: int) -> str:
    return clean_text(text).encode()[:size].decode(errors="ignore")


def _in_cutting_order(body: AnyValue, attributes: dict[str, AnyValue], keep: int, excess: int) -> list[tuple[str, int]]:
    """Give what is worth cutting with its bytes: a stack trace first where that is enough, else the largest first."""
    weights = {key: len(_wire.any_value(value)) for key, value in attributes.items()}
    if body is not None:
        weights[_BODY] = len(_wire.any_value(body))
    large = [(key, weight) for key, weight in weights.items() if weight > keep + _SLACK]
    return sorted(large, key=lambda item: (item[0] != _STACKTRACE or item[1] < excess + keep + _SLACK, -item[1]))


def _drop_largest(attributes: dict[str, AnyValue], excess: int) -> int:
    """Take the largest attributes out, ``exception.*`` last, and give their number."""
    if excess <= 0:
        return 0
    excess += _COUNT_FIELD
    sizes = {key: len(_field(key, value)) for key, value in attributes.items()}
    dropped = 0
    for key in sorted(sizes, key=lambda key: (key.startswith("exception."), -sizes[key])):
        if excess <= 0:
            break
        excess -= sizes[key]
        del attributes[key]
        dropped += 1
    return dropped


def _field(key: str, value: AnyValue) -> bytes:
    return _wire.key_value(b"\x32", _wire.key_chunk(key), _wire.any_value(value))


def _encode(record: Record, body: AnyValue, attributes: dict[str, AnyValue]) -> bytes:
    return _wire.log_record(
        record.timestamp,
        record.observed_timestamp,
        record.severity_number,
        record.severity_text,
        None if body is None else _wire.any_value(body),
        [_field(key, value) for key, value in attributes.items()],
        record.dropped_attributes_count,
        _wire.trace_fields(record.trace_id, record.span_id, record.trace_flags),
        record.event_name,
    )
