"""An OTel record as the event that fapilog's plugins work on, and back.

What a plugin leaves alone comes back as it was, ids and times to the nanosecond included; what it changed, added or
took out is changed in the record.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final

from fapilog_otel.model.anyvalue import AnyValue, Budget, normalise, normalise_key
from fapilog_otel.model.severity import severity_text

if TYPE_CHECKING:
    from fapilog_otel.model.record import Record

PARTS: Final = ("context", "diagnostics", "data")

_CONTEXT: Final = frozenset(("correlation_id", "request_id", "tenant_id", "user_id"))
_ERROR: Final = {
    "exception.type": "error.type",
    "exception.message": "error.message",
    "exception.stacktrace": "error.stack",
}
_LEVELS: Final = {"WARN": "WARNING", "FATAL": "CRITICAL"}
_IDS: Final = frozenset(("trace_id", "span_id"))


def event_of(record: Record) -> dict[str, Any]:
    """Give a record as fapilog's plugins see it; its containers are the plugin's to change."""
    context, data, exception = _parts(record)
    if record.trace_id:
        context["trace_id"], context["span_id"] = f"{record.trace_id:032x}", f"{record.span_id:016x}"
    level = record.severity_text or severity_text(record.severity_number) or "INFO"
    return {
        "timestamp": _rfc3339(record.timestamp or record.observed_timestamp),
        "level": _LEVELS.get(level, level),
        "message": _thawed(record.body),
        "logger": record.scope.name,
        "context": context,
        "diagnostics": {"origin": "native", **({"exception": exception} if exception else {})},
        "data": data,
    }


def record_of(event: Mapping[str, Any], before: Record) -> Record:
    """Give the record that a changed event stands for.

    Args:
        event: What a plugin made of ``event_of(before)``.
        before: The record; its ids, times, severity, scope and event name stay.
    """
    budget = Budget()
    body = event.get("message")
    attributes = _attributes(event)
    return before.replace(
        body=before.body if body == _thawed(before.body) else normalise(body, budget),
        attributes={normalise_key(key): normalise(value, budget) for key, value in attributes.items()},
    )


def merged(event: Mapping[str, Any], additions: object) -> dict[str, Any]:
    """Give an event with what an enricher returned put into its parts, as fapilog merges it."""
    result = dict(event)
    for part, values in additions.items() if isinstance(additions, Mapping) else ():
        present = result.get(part)
        if isinstance(values, Mapping) and isinstance(present, Mapping):
            result[part] = {**present, **values}
        else:
            result[part] = values
    return result


def _parts(record: Record) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    context: dict[str, Any] = {}
    data: dict[str, Any] = {}
    exception: dict[str, Any] = {}
    for key, value in record.attributes.items():
        if key in _ERROR:
            exception[_ERROR[key]] = value
        else:
            (context if key in _CONTEXT else data)[key] = _thawed(value)
    return context, data, exception


def _attributes(event: Mapping[str, Any]) -> dict[Any, Any]:
    attributes: dict[Any, Any] = {}
    for part in PARTS:
        found = event.get(part)
        if isinstance(found, Mapping):
            attributes.update(found)
    for key in (*_IDS, "origin"):
        attributes.pop(key, None)
    exception = attributes.pop("exception", None)
    if isinstance(exception, Mapping):
        for key, name in _ERROR.items():
            if name in exception:
                attributes[key] = exception[name]
    return attributes


def _thawed(value: AnyValue) -> Any:
    if isinstance(value, Mapping):
        return {key: _thawed(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_thawed(item) for item in value]
    return value


def _rfc3339(nanoseconds: int) -> str:
    moment = datetime.fromtimestamp(nanoseconds // 1_000_000 / 1000, tz=timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
