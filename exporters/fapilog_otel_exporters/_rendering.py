"""How the exporters that people read write times, levels and text that came from anywhere."""

from __future__ import annotations

import base64
import json
import math
import re
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from fapilog_otel.model.anyvalue import clean_text, normalise
from fapilog_otel.model.severity import severity_text

if TYPE_CHECKING:
    from fapilog_otel.model.anyvalue import AnyValue
    from fapilog_otel.model.record import Record

# What could move the cursor, start a line or reorder a terminal's text: C0, DEL, C1, line and paragraph separators, the
# marks and overrides of writing direction, and lone surrogates, which no stream can encode.
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_SHORT: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\x1b": "\\x1b"}

_dumps = json.JSONEncoder(ensure_ascii=False, check_circular=False, allow_nan=False, separators=(",", ":")).encode


def json_text(value: AnyValue) -> str:
    """Give a value as JSON on one line: bytes in base64, NaN and the infinities as text, all else as it is."""
    return clean_text(_dumps(_plain(value)))


def _plain(value: AnyValue) -> object:
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else _not_finite_text(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [_plain(item) for item in value]
    return _plain(normalise(value))


def _not_finite_text(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def escape_controls(text: str) -> str:
    r"""Give the text with control characters spelled out (``\n``, ``\x1b``, ``\u202e``): it stays on its line."""
    return _CONTROL.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    code = ord(character)
    return _SHORT.get(character) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")


def iso_time(nanoseconds: int, digits: int = 9) -> str:
    """Give a time as ISO 8601 in UTC, ``2026-11-24T03:10:00.123456789Z``.

    Args:
        nanoseconds: ns since the epoch.
        digits: Decimals of the second, 1-9; the rest is cut off.
    """
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{f'{rest:09d}'[:digits]}Z"


def event_time(record: Record) -> int:
    """Give when the record's event occurred, or else when it was observed (log data model, "Field: Timestamp")."""
    return record.timestamp or record.observed_timestamp


def level_name(record: Record) -> str:
    """Give the level as the source named it, or else the name of its severity number; empty: unspecified."""
    return record.severity_text or severity_text(record.severity_number)
