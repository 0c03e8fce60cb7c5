"""An event of fapilog, as its sinks see it, as an OTel log record.

Enrichers and redactors of the application may have made anything of it: no field is trusted.
"""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, Final

from fapilog_otel.model.anyvalue import object_text
from fapilog_otel.model.exception import MESSAGE, STACKTRACE, TYPE
from fapilog_otel.model.severity import INFO, NAMES, severity_from_stdlib, text_from_stdlib
from fapilog_otel.sources.correlation import EVENT_NAME

INTERNAL: Final = "fapilog_otel.internal"
"""Key of ``context`` that marks what our own exporting has logged."""

TRACE_FLAGS: Final = "trace_flags"

_MICROSECONDS: Final = 1_000_000
_MAX_SECONDS: Final = (1 << 64) // 1_000_000_000 - 1
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=timezone.utc)

# What the resource tells already, and what tells nothing.
_RESOURCE: Final = frozenset(("service", "env", "host", "pid", "python", "exception"))
_ERROR: Final = {"error.type": TYPE, "error.message": MESSAGE, "error.stack": STACKTRACE}
_CONTEXT: Final = {"message_id": "log.record.uid"}


class EventRecord:
    """An event with the names of the API's ``LogRecord``, ids as numbers: what a provider's ``Logger.emit`` takes."""

    __slots__ = (
        "attributes", "body", "context", "event_name", "exception", "observed_timestamp", "severity_number",
        "severity_text", "span_id", "timestamp", "trace_flags", "trace_id",
    )  # fmt: skip

    def __init__(self, event: Mapping[str, Any]) -> None:
        context, data = _mapping(event.get("context")), _mapping(event.get("data"))
        self.observed_timestamp = time.time_ns()
        self.timestamp = timestamp(event.get("timestamp")) or self.observed_timestamp
        self.severity_number, self.severity_text = severity_of(event.get("level"))
        self.body = event.get("message")
        self.context = self.exception = None
        self.trace_id, self.span_id, self.trace_flags = ids(context)
        attributes = _context_attributes(context, traced=bool(self.trace_id))
        attributes.update(_diagnostics_attributes(_mapping(event.get("diagnostics"))))
        attributes.update(data)  # the caller's own win
        attributes.pop("_fapilog_unsafe", None)
        name = attributes.pop(EVENT_NAME, None)
        self.event_name = name if name is None or isinstance(name, str) else object_text(name)
        self.attributes = attributes


def event_of(view: Any) -> Mapping[str, Any] | None:
    """Give the event in what ``write_serialized`` gets, or None if a processor has made something else of it.

    Args:
        view: fapilog's ``SerializedView``, or bytes.
    """
    data = getattr(view, "data", view)
    try:
        found = json.loads(bytes(data))
    except (ValueError, TypeError):
        return None
    if isinstance(found, dict) and isinstance(found.get("log"), dict):
        found = found["log"]
    return found if isinstance(found, dict) else None


def scope_name(event: Mapping[str, Any]) -> str:
    """Give the logger's name."""
    name = event.get("logger")
    return name if isinstance(name, str) and name else "fapilog"


def is_marked_internal(event: Mapping[str, Any]) -> bool:
    """Tell whether our own exporting has logged it."""
    return INTERNAL in _mapping(event.get("context"))


def origin(event: Mapping[str, Any]) -> object:
    """Give ``native``, ``stdlib`` for what fapilog's bridge took from ``logging``, or ``third_party``."""
    return _mapping(event.get("diagnostics")).get("origin")


def severity_of(level: Any) -> tuple[int, str]:
    """Give severity number and text of a level's name; INFO for one that nobody knows, under its own name."""
    if not isinstance(level, str):
        return INFO, "INFO" if level is None else object_text(level)
    return _severity(level.upper())


@functools.lru_cache(256)
def _severity(name: str) -> tuple[int, str]:
    number = NAMES.get(name)
    if number is None:
        from fapilog.core.levels import get_level_priority  # noqa: PLC0415 - loaded, as its event is here

        number = severity_from_stdlib(get_level_priority(name), name)
    return number, text_from_stdlib(name)


def timestamp(moment: Any) -> int:
    """Give a time, as RFC 3339 text or seconds, in ns since the epoch; 0 for what is none."""
    if isinstance(moment, (int, float)):
        return int(moment * 1_000_000_000) if 0 < moment <= _MAX_SECONDS else 0
    if not isinstance(moment, str):
        return 0
    try:
        found = datetime.fromisoformat(moment.replace("Z", "+00:00"))
    except ValueError:
        return 0
    passed = (found if found.tzinfo else found.replace(tzinfo=timezone.utc)) - _EPOCH
    microseconds = (passed.days * 86_400 + passed.seconds) * _MICROSECONDS + passed.microseconds
    return microseconds * 1000 if 0 < microseconds <= _MAX_SECONDS * _MICROSECONDS else 0


def ids(context: Mapping[str, Any]) -> tuple[int, int, int]:
    """Give trace id, span id and flags of an event's ``context``; zeros for what are none."""
    trace, span = _hex(context.get("trace_id"), 32), _hex(context.get("span_id"), 16)
    if not trace or not span:
        return 0, 0, 0
    return trace, span, _hex(context.get(TRACE_FLAGS), 2)


def _hex(text: Any, digits: int) -> int:
    if not isinstance(text, str) or len(text) != digits:
        return 0
    try:
        return int(text, 16)
    except ValueError:
        return 0


def _context_attributes(context: Mapping[str, Any], *, traced: bool) -> dict[str, Any]:
    left_out = {TRACE_FLAGS, INTERNAL, *(("trace_id", "span_id") if traced else ())}
    return {
        _CONTEXT.get(key, key): value for key, value in context.items() if value is not None and key not in left_out
    }


def _diagnostics_attributes(diagnostics: Mapping[str, Any]) -> dict[str, Any]:
    attributes = {key: value for key, value in diagnostics.items() if key not in _RESOURCE and key != "origin"}
    if diagnostics.get("origin") not in {None, "native"}:
        attributes["fapilog.origin"] = diagnostics["origin"]
    exception = _mapping(diagnostics.get("exception"))
    attributes.update({name: exception[key] for key, name in _ERROR.items() if exception.get(key) is not None})
    return attributes


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
