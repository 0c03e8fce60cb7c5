"""A ``logging.LogRecord`` as the fields of an OTel log record, one pure function a field.

Records come from anywhere (``makeLogRecord``, sockets, factories of the application): no field is trusted.
"""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from types import TracebackType
from typing import Any, Final, NamedTuple, TypedDict

from fapilog_otel.model.anyvalue import Budget, normalise, normalise_key, object_text, type_name
from fapilog_otel.model.exception import STACKTRACE, exception_attributes
from fapilog_otel.model.record import Record
from fapilog_otel.model.scope import Scope
from fapilog_otel.model.severity import severity_from_stdlib, text_from_stdlib
from fapilog_otel.sources.correlation import EVENT_NAME, TRACE_KEYS

FORMAT_ERROR: Final = "log.record.format_error"
FORMAT_ARGS: Final = "log.record.args"

# What LogRecord and Formatter put on every record, and what OpenTelemetry's log correlation adds to it.
_STANDARD: Final = frozenset(logging.LogRecord("", 0, "", 0, "", None, None).__dict__) | {
    "asctime",
    "message",
    "taskName",
    *TRACE_KEYS,
}

RESERVED: Final = _STANDARD | {EVENT_NAME}
"""Keys of ``extra`` that do not simply become attributes."""

_NS: Final = 1_000_000_000
_MAX_LEVEL: Final = 1 << 31
_MAX_SECONDS: Final = (1 << 64) // _NS - 1  # fixed64 holds no more


class Fields(TypedDict):
    """The fields of an OTel log record but for trace context: the arguments of the API's ``Logger.emit``."""

    timestamp: int
    observed_timestamp: int
    severity_number: int
    severity_text: str
    body: Any
    attributes: dict[str, Any]
    event_name: str | None


class Selection(NamedTuple):
    """Which attributes a record gets beyond its own.

    Args:
        code: ``code.file.path``, ``code.line.number`` and ``code.function.name``.
        thread: ``thread.id`` and ``thread.name``.
    """

    code: bool = True
    thread: bool = False


def fields_of(record: logging.LogRecord, selection: Selection) -> Fields:
    """Give the fields of a record, values as they are (the encoder normalises them); never raises an `Exception`."""
    try:
        return _fields_of(record, selection)
    except Exception as error:  # noqa: BLE001 - a field that lies about its class, or will not be asked; told in the record
        return _least_fields(record, error)


def _least_fields(record: logging.LogRecord, error: Exception) -> Fields:
    """Give what can be told of a record without asking its fields anything but their text."""
    level: Any = getattr(record, "levelno", None)
    name: Any = getattr(record, "levelname", None)
    number, text = severity(
        level if type(level) is int and abs(level) < _MAX_LEVEL else 0, name if type(name) is str else ""
    )
    return {
        "timestamp": 0,
        "observed_timestamp": time.time_ns(),
        "severity_number": number,
        "severity_text": text,
        "body": object_text(getattr(record, "msg", None)),
        "attributes": {FORMAT_ERROR: f"{type_name(error)}: {object_text(error)}"},
        "event_name": None,
    }


def _fields_of(record: logging.LogRecord, selection: Selection) -> Fields:
    number, text = severity(level_number(record), level_name(record))
    body, problem = body_and_problem(record)
    attributes, event_name = attributes_and_event(record, selection, problem)
    return {
        "timestamp": timestamp(record),
        "observed_timestamp": time.time_ns(),
        "severity_number": number,
        "severity_text": text,
        "body": body,
        "attributes": attributes,
        "event_name": event_name,
    }


def record_of(record: logging.LogRecord, selection: Selection) -> Record:
    """Give a record as a value: normalised, with the logger's name as scope and without trace context."""
    fields = fields_of(record, selection)
    budget = Budget()
    attributes = {
        normalise_key(key): normalise(value, budget) for key, value in fields["attributes"].items() if key != ""
    }
    return Record(
        timestamp=fields["timestamp"],
        observed_timestamp=fields["observed_timestamp"],
        severity_number=fields["severity_number"],
        severity_text=fields["severity_text"],
        body=normalise(fields["body"], budget),
        attributes=attributes,
        event_name=fields["event_name"] or "",
        scope=Scope(scope_name(record)),
    )


def scope_name(record: logging.LogRecord) -> str:
    """Give the name of the logger that made the record."""
    name = getattr(record, "name", None)
    return name if type(name) is str else _text(name)


def timestamp(record: logging.LogRecord) -> int:
    """Give when the record was made, ns since the epoch; 0: the record does not say."""
    created: Any = getattr(record, "created", None)
    if issubclass(type(created), (int, float)) and 0 < created <= _MAX_SECONDS:
        return int(created * _NS)
    return 0


def level_number(record: logging.LogRecord) -> int:
    """Give the stdlib level of a record; 0 where it has none."""
    level: Any = getattr(record, "levelno", None)
    if type(level) is int and -_MAX_LEVEL < level < _MAX_LEVEL:
        return level
    return int(level) if issubclass(type(level), (int, float)) and abs(level) < _MAX_LEVEL else logging.NOTSET


def level_name(record: logging.LogRecord) -> str:
    """Give the level's name; empty where the record has none."""
    return _text(getattr(record, "levelname", None))


@functools.lru_cache(256)
def severity(level: int, name: str) -> tuple[int, str]:
    """Give severity number and text of a stdlib level and its name."""
    return severity_from_stdlib(level, name), text_from_stdlib(name)


def body_and_problem(record: logging.LogRecord) -> tuple[Any, Exception | None]:
    """Give the body, and what kept the message from being formatted.

    A message that is not text and has no arguments stays what it is if OTLP can carry its structure.
    """
    message = getattr(record, "msg", None)
    try:
        if not isinstance(message, str) and not getattr(record, "args", None) and _is_structured(message):
            return message, None
        return record.getMessage(), None
    except Exception as error:  # noqa: BLE001 - a wrong format or a broken __str__; the attributes report it
        return (message if issubclass(type(message), str) else object_text(message)), error


def _is_structured(message: object) -> bool:
    return message is None or isinstance(message, (int, float, Mapping, Sequence, AbstractSet))


def attributes_and_event(
    record: logging.LogRecord, selection: Selection, problem: Exception | None
) -> tuple[dict[str, Any], str | None]:
    """Give the attributes, those of the caller's ``extra`` winning over all others, and the event name."""
    fields = record.__dict__
    attributes: dict[str, Any] = {}
    if fields.get("exc_info") or fields.get("exc_text"):
        attributes.update(_exception(fields))
    if fields.get("stack_info"):
        attributes["code.stacktrace"] = _text(fields["stack_info"])
    if problem is not None:
        attributes[FORMAT_ERROR] = f"{type(problem).__name__}: {object_text(problem)}"
        attributes[FORMAT_ARGS] = fields.get("args")
    if selection.code:
        _add_code(attributes, fields)
    if selection.thread:
        _add_thread(attributes, fields)
    if not _STANDARD.issuperset(fields):
        attributes.update({key: value for key, value in fields.items() if key not in _STANDARD})
    event = attributes.pop(EVENT_NAME, None)
    return attributes, None if event is None else _text(event)


def _exception(fields: dict[str, Any]) -> dict[str, str]:
    """Give the exception attributes; a record whose traceback is text already (it was sent or queued) has only that."""
    found = fields.get("exc_info")
    if isinstance(found, tuple) and len(found) == 3:
        exc, trace = found[1:]
    else:
        exc, trace = found, None
    if isinstance(exc, BaseException):
        return exception_attributes(exc, trace if isinstance(trace, TracebackType) else None)
    text = fields.get("exc_text")
    return {STACKTRACE: text} if text and isinstance(text, str) else {}


def _add_code(attributes: dict[str, Any], fields: dict[str, Any]) -> None:
    path, line, function = fields.get("pathname"), fields.get("lineno"), fields.get("funcName")
    if path and isinstance(path, str) and path != "(unknown file)":
        attributes["code.file.path"] = path
        if line and isinstance(line, int):
            attributes["code.line.number"] = line
        if function and isinstance(function, str):
            attributes["code.function.name"] = function


def _add_thread(attributes: dict[str, Any], fields: dict[str, Any]) -> None:
    if fields.get("thread") is not None:
        attributes["thread.id"] = fields["thread"]
    if fields.get("threadName") is not None:
        attributes["thread.name"] = fields["threadName"]


def _text(value: object) -> str:
    if type(value) is str:
        return value
    return "" if value is None else object_text(value)
