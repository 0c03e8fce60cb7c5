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

_SEVERITIES: Final = {
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
_LEVEL_KEYS: Final = ("level", "log_level", "level_number")
_INTERNAL: Final = ("_record", "_from_structlog", "_logger", "_name")
_CALLSITE: Final = {
    "pathname": "code.file.path",
    "lineno": "code.line.number",
    "func_name": "code.function.name",
    "thread": "thread.id",
    "thread_name": "thread.name",
}
_CALLSITE_REST: Final = ("filename", "module", "process", "process_name", "qual_module", "qual_name")


class Event(NamedTuple):
    """One event as the hook sees it.

    Args:
        logger: The wrapped logger.
        method: Name of the method that was called.
        given: What the call and the bound context gave.
        chained: What the processors before the renderer made of it.
    """

    logger: object
    method: str
    given: Mapping[str, Any]
    chained: Mapping[str, Any]


def severity(method: str) -> tuple[int, str]:
    """Give severity number and text of a logger method's name; one that nobody knows keeps its name at INFO."""
    found = _SEVERITIES.get(method)
    if found is not None:
        return found
    name = method.upper()
    return NAMES.get(name, INFO), text_from_stdlib(name)


def stdlib_level(method: str) -> int:
    """Give the stdlib level of a logger method's name."""
    return _STDLIB_LEVELS.get(severity(method)[0], 20)


def scope_name(event: Event) -> str:
    """Give the logger's name: as `add_logger_name` wrote it, as the wrapped logger has it, or ``structlog``."""
    for name in (event.chained.get("logger"), getattr(event.logger, "name", None), event.given.get("logger_name")):
        if isinstance(name, str) and name:
            return name
    return DEFAULT_SCOPE


def fields_of(event: Event) -> dict[str, Any]:
    """Give the arguments of the API's ``Logger.emit`` but for trace context; never raises an `Exception`."""
    given, attributes = event.given, dict(event.chained)
    number, text = severity(event.method)
    body = _body(given, attributes)
    _drop_added(given, attributes)
    _move_callsite(given, attributes)
    _exception(event, attributes)
    if attributes.get("logger") == scope_name(event):
        attributes.pop("logger", None)
    name = attributes.pop(EVENT_NAME, None)
    now = time.time_ns()
    return {
        "timestamp": now,
        "observed_timestamp": now,
        "severity_number": number,
        "severity_text": text,
        "body": body,
        "attributes": attributes,
        "event_name": name if isinstance(name, str) else None,
    }


def _body(given: Mapping[str, Any], attributes: dict[str, Any]) -> Any:
    """Take the event out, under whatever name a processor gave it."""
    if "event" in attributes:
        return attributes.pop("event")
    event = given.get("event")
    for key, value in attributes.items():
        if value is event and key not in given:
            del attributes[key]
            break
    return event


def _drop_added(given: Mapping[str, Any], attributes: dict[str, Any]) -> None:
    """Take out what processors added that the record has in fields of its own."""
    for key in (*_LEVEL_KEYS, "timestamp"):
        if key in attributes and key not in given:
            del attributes[key]
    for key in (*_INTERNAL, *TRACE_KEYS):
        attributes.pop(key, None)
    stack = attributes.get("stack")
    attributes.pop("stack_info", None)
    if isinstance(stack, str) and "stack" not in given:
        attributes.setdefault("code.stacktrace", attributes.pop("stack"))


def _move_callsite(given: Mapping[str, Any], attributes: dict[str, Any]) -> None:
    if not attributes.keys() & _CALLSITE.keys():
        return
    for key, name in _CALLSITE.items():
        if key in attributes and key not in given:
            attributes.setdefault(name, attributes.pop(key))
    for key in _CALLSITE_REST:
        if key in attributes and key not in given:
            del attributes[key]


def _exception(event: Event, attributes: dict[str, Any]) -> None:
    """Put the exception where OpenTelemetry wants it; attributes of the caller win over ours."""
    attributes.pop("exc_info", None)
    found = event.chained.get("exc_info") or event.given.get("exc_info")
    if not found and event.method == "exception":
        found = True
    exc, trace = _exception_and_trace(found)
    text = attributes.get("exception")
    if exc is not None:
        if "exception" not in event.given:
            attributes.pop("exception", None)
        for key, value in exception_attributes(exc, trace).items():
            attributes.setdefault(key, value)
    elif isinstance(text, str) and "exception" not in event.given:
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
