"""A record larger than its limit is cut until it fits: long texts in the middle, marked, stack traces first."""

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
_BODY = ""
_STACKTRACE = "exception.stacktrace"


def cut_middle(text: str, size: int) -> str:
    """Give a text of about ``size`` UTF-8 bytes: its beginning, a note of how many bytes are missing, its end."""
    data = text.encode()
    note = f"\n[... {len(data) - size} bytes cut ...]\n"
    room = max(size - len(note), 0)
    head = data[: room - room // 2].decode(errors="ignore")
    tail = data[len(data) - room // 2 :].decode(errors="ignore") if room >= 2 else ""
    return head + note + tail


def shrink_payload(payload: bytes, limit: int) -> bytes:
    """Give an encoded LogRecord cut to ``limit`` bytes.

    Args:
        payload: A LogRecord message.
        limit: Bytes; a record without any text may stay larger than a limit of a few dozen bytes.
    """
    record = decode_record(payload, _NO_SCOPE)
    body, attributes = record.body, dict(record.attributes)
    dropped = record.dropped_attributes_count
    size = len(payload)
    for key in _largest_first(body, attributes):
        value = body if key == _BODY else attributes[key]
        text = value if isinstance(value, str) else None
        weight = len(_wire.any_value(value))
        wanted = max(weight - (size - limit) - 64, _KEEP_AT_LEAST)
        short: AnyValue = cut_middle(text, wanted) if text is not None else f"[{weight} bytes cut]"
        if key == _BODY:
            body = short
        else:
            attributes[key] = short
        size += len(_wire.any_value(short)) - weight
        if size <= limit:
            break
    while size > limit and attributes:
        key, value = attributes.popitem()
        size -= len(_wire.key_value(b"\x32", _wire.key_chunk(key), _wire.any_value(value)))
        dropped += 1
    return _encode(record, body, attributes, dropped, limit)


def _largest_first(body: AnyValue, attributes: dict[str, AnyValue]) -> list[str]:
    weights = {key: len(_wire.any_value(value)) for key, value in attributes.items()}
    if body is not None:
        weights[_BODY] = len(_wire.any_value(body))
    large = [key for key, weight in weights.items() if weight > _KEEP_AT_LEAST]
    return sorted(large, key=lambda key: (key != _STACKTRACE, -weights[key]))


def _encode(record: Record, body: AnyValue, attributes: dict[str, AnyValue], dropped: int, limit: int) -> bytes:
    return _wire.log_record(
        record.timestamp,
        record.observed_timestamp,
        record.severity_number,
        clean_text(record.severity_text)[: max(limit // 8, 16)],
        None if body is None else _wire.any_value(body),
        [_wire.key_value(b"\x32", _wire.key_chunk(key), _wire.any_value(value)) for key, value in attributes.items()],
        dropped,
        _wire.trace_fields(record.trace_id, record.span_id, record.trace_flags),
        record.event_name[: max(limit // 8, 16)],
    )
