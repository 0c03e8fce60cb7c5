"""An event dictionary of structlog as the fields of an OTel log record.

Anything may stand in it: no value is trusted, and values stay as they are, for the encoder normalises them.
"""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fapilog_otel.model.exception import STACKTRACE, exception_attributes
from fapilog_otel.model.severity import DEBUG, ERROR, FATAL, INFO, NAMES, TRACE, UNSPECIFIED, WARN, text_from_stdlib
from fapilog_otel.sources.correlation import EVENT_NAME, TRACE_KEYS

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_SCOPE: Final = "structlog"
"""Scope of events that tell no logger name."""

SEVERITIES: Final = {
    "debug": (DEBUG, "DEBUG"),
    "info": (INFO, "INFO"),
    "msg": (INFO, "INFO"),
    "warn": (WARN, "WARN"),
    "warning": (WARN, "WARN"),
    "error": (ERROR, "ERROR"),
    "err": (ERROR, "ERROR"),
    "exception": (ERROR, "ERROR"),
    "critical": (FATAL, "FATAL"),
    "fatal": (FATAL, "FATAL"),
    "failure": (ERROR, "ERROR"),
    "trace": (TRACE, "TRACE"),
}

_STDLIB_LEVELS: Final = {UNSPECIFIED: 0, TRACE: 5, DEBUG: 10, INFO: 20, WARN: 30, ERROR: 40, FATAL: 50}

# What structlog's own processors add for the renderer's sake.
_INTERNAL: Final = ("_record", "_from_structlog", "_logger", "_name")
_CALLSITE: Final = {
    "pathname": "code.file.path",
    "lineno": "code.line.number",
    "func_name": "code.function.name",
    "thread": "thread.id",
    "thread_name": "thread.name",
}
_CALLSITE_REST: Final = ("filename", "module", "process", "process_name", "qual_module", "qual_name")


ADDED: Final = ("level", "timestamp", "log_level", "level_number")
UNUSUAL: Final = frozenset(
    (*_INTERNAL, *TRACE_KEYS, *_CALLSITE, *_CALLSITE_REST, "stack", "stack_info", "exc_info", "exception", EVENT_NAME)
)
_ABSENT: Final = object()


class Event(NamedTuple):
    """One event as the hook sees it.

    Args:
        logger: The wrapped logger.
        method: Name of the method that was called.
        event: What the call gave as event.
        kw: What it gave beside.
        context: What was bound before.
        chained: What the processors before the renderer made of it; becomes the attributes.
    """

    logger: object
    method: str
    event: Any
    kw: Mapping[str, Any]
    context: Mapping[str, Any]
    chained: dict[str, Any]

    def given(self, key: str) -> Any:
        """Give what the caller gave under a key, and `_ABSENT` for what only a processor has added."""
        if key in self.kw:
            return self.kw[key]
        return self.context.get(key, _ABSENT)


class Parts(NamedTuple):
    """What a log record is made of but for times and trace context."""

    number: int
    text: str
    body: Any
    attributes: dict[str, Any]
    event_name: str | None


def severity(method: str) -> tuple[int, str]:
    """Give severity number and text of a logger method's name; one that nobody knows keeps its name at INFO."""
    found = SEVERITIES.get(method)
    if found is not None:
        return found
    name = method.upper()
    return NAMES.get(name, INFO), text_from_stdlib(name)


def stdlib_level(method: str) -> int:
    """Give the stdlib level of a logger method's name."""
    return _STDLIB_LEVELS.get(severity(method)[0], 20)


def scope_name(event: Event) -> str:
    """Give the logger's name: as `add_logger_name` wrote it, as the wrapped logger has it, or ``structlog``."""
    name = event.chained.get("logger")
    if isinstance(name, str) and name:
        return name
    for name in (getattr(event.logger, "name", None), event.given("logger_name")):
        if isinstance(name, str) and name:
            return name
    return DEFAULT_SCOPE


def parts_of(event: Event, scope: str) -> Parts:
    """Give what the record is made of; ``chained`` becomes its attributes, and is changed for it.

    Args:
        event: One event.
        scope: `scope_name` of it.
    """
    attributes = event.chained
    number, text = severity(event.method)
    body = attributes.pop("event", _ABSENT)
    if body is _ABSENT:
        body = _renamed(event, attributes)
    for key in ADDED:
        if key in attributes and event.given(key) is _ABSENT:
            del attributes[key]
    name = None
    if "logger" in attributes and attributes["logger"] == scope:
        del attributes["logger"]
    if event.method == "exception" or not UNUSUAL.isdisjoint(attributes) or "exc_info" in event.kw:
        name = attributes.pop(EVENT_NAME, None)
        _translate_unusual(event, attributes)
    return Parts(number, text, body, attributes, name if isinstance(name, str) else None)


def fields_of(event: Event) -> dict[str, Any]:
    """Give the arguments of the API's ``Logger.emit`` but for trace context; never raises an `Exception`."""
    parts = parts_of(event, scope_name(event))
    now = time.time_ns()
    return {
        "timestamp": now,
        "observed_timestamp": now,
        "severity_number": parts.number,
        "severity_text": parts.text,
        "body": parts.body,
        "attributes": parts.attributes,
        "event_name": parts.event_name,
    }


def _renamed(event: Event, attributes: dict[str, Any]) -> Any:
    """Take the event out, under whatever name a processor gave it."""
    for key, value in attributes.items():
        if value is event.event and event.given(key) is _ABSENT:
            del attributes[key]
            break
    return event.event


def _translate_unusual(event: Event, attributes: dict[str, Any]) -> None:
    """Take out or rename what processors added that the record has in fields of its own."""
    for key in (*_INTERNAL, *TRACE_KEYS):
        attributes.pop(key, None)
    attributes.pop("stack_info", None)
    if isinstance(attributes.get("stack"), str) and event.given("stack") is _ABSENT:
        attributes.setdefault("code.stacktrace", attributes.pop("stack"))
    _move_callsite(event, attributes)
    _exception(event, attributes)


def _move_callsite(event: Event, attributes: dict[str, Any]) -> None:
    for key, name in _CALLSITE.items():
        if key in attributes and event.given(key) is _ABSENT:
            attributes.setdefault(name, attributes.pop(key))
    for key in _CALLSITE_REST:
        if key in attributes and event.given(key) is _ABSENT:
            del attributes[key]


def _exception(event: Event, attributes: dict[str, Any]) -> None:
    """Put the exception where OpenTelemetry wants it; attributes of the caller win over ours."""
    found = attributes.pop("exc_info", None)
    if not found:
        found = event.given("exc_info")
    if found is _ABSENT or not found:
        found = event.method == "exception"
    own = event.given("exception") is not _ABSENT
    exc, trace = _exception_and_trace(found)
    text = attributes.get("exception")
    if exc is not None:
        if not own:
            attributes.pop("exception", None)
        for key, value in exception_attributes(exc, trace).items():
            attributes.setdefault(key, value)
    elif isinstance(text, str) and not own:
        attributes.setdefault(STACKTRACE, attributes.pop("exception"))


def _exception_and_trace(found: object) -> tuple[BaseException | None, TracebackType | None]:
    if isinstance(found, BaseException):
        return found, None
    if isinstance(found, tuple) and len(found) == 3:
        exc, trace = found[1:]
    elif found:
        exc, trace = sys.exc_info()[1:]
    else:
        return None, None
    return (exc if isinstance(exc, BaseException) else None), (trace if isinstance(trace, TracebackType) else None)
