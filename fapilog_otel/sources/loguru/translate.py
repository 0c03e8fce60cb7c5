"""A record of loguru as the fields of an OTel log record.

A patcher may have put anything into it: no field is trusted, and values stay as they are, for the encoder normalises
them.
"""

from __future__ import annotations

import functools
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fapilog_otel.model.anyvalue import object_text
from fapilog_otel.model.exception import exception_attributes
from fapilog_otel.model.severity import INFO, severity_from_stdlib, text_from_stdlib
from fapilog_otel.sources.correlation import EVENT_NAME, TRACE_KEYS, trace_fields

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_SCOPE: Final = "loguru"
"""Scope of records that tell no module."""

SPECIAL: Final = frozenset((EVENT_NAME, *TRACE_KEYS))
_MICROSECONDS: Final = 1e6
_MAX_SECONDS: Final = (1 << 64) // 1_000_000_000 - 1  # fixed64 holds no more


class Selection(NamedTuple):
    """Which attributes a record gets beyond its own.

    Args:
        code: ``code.file.path``, ``code.line.number`` and ``code.function.name``.
        thread: ``thread.id`` and ``thread.name``.
    """

    code: bool = True
    thread: bool = False


def fields_of(record: Mapping[str, Any], selection: Selection) -> dict[str, Any]:
    """Give the arguments of the API's ``Logger.emit`` but for trace context."""
    number, text = severity_of(record.get("level"))
    attributes: dict[Any, Any] = {}
    if record.get("exception") is not None:
        attributes.update(_exception(record["exception"]))
    if selection.code:
        _add_code(attributes, record)
    if selection.thread:
        _add_thread(attributes, record)
    extra = record.get("extra")
    name = None
    if isinstance(extra, dict):
        attributes.update(extra)  # the caller's own win
        if not SPECIAL.isdisjoint(extra):
            name = _take_special(attributes)
    now = time.time_ns()
    return {
        "timestamp": timestamp(record.get("time")) or now,
        "observed_timestamp": now,
        "severity_number": number,
        "severity_text": text,
        "body": record.get("message"),
        "attributes": attributes,
        "event_name": name,
    }


def scope_name(record: Mapping[str, Any]) -> str:
    """Give the module that the record was written in."""
    name = record.get("name")
    return name if isinstance(name, str) and name else DEFAULT_SCOPE


def timestamp(moment: Any) -> int:
    """Give a time as ns since the epoch, exact to loguru's microsecond; 0 for what is no time."""
    try:
        seconds = moment.timestamp()
        return round(seconds * _MICROSECONDS) * 1000 if 0 < seconds <= _MAX_SECONDS else 0
    except Exception:  # noqa: BLE001 - a patcher's own object; the record then has the time of the call
        return 0


def severity_of(level: Any) -> tuple[int, str]:
    """Give severity number and text of a record's level; INFO for what is none."""
    number, name = getattr(level, "no", None), getattr(level, "name", None)
    if type(number) is not int or not isinstance(name, str):
        return INFO, "INFO" if level is None else object_text(level)
    return severity_of_level(number, name)


@functools.lru_cache(256)
def severity_of_level(number: int, name: str) -> tuple[int, str]:
    """Give severity number and text of a level."""
    return severity_from_stdlib(number, name), text_from_stdlib(name)


def _exception(found: Any) -> dict[str, str]:
    exc, trace = getattr(found, "value", None), getattr(found, "traceback", None)
    if not isinstance(exc, BaseException):
        return {}
    return exception_attributes(exc, trace if isinstance(trace, TracebackType) else None)


def _add_code(attributes: dict[Any, Any], record: Mapping[str, Any]) -> None:
    path = getattr(record.get("file"), "path", None)
    if path and isinstance(path, str) and path != "<unknown>":
        attributes["code.file.path"] = path
        attributes["code.line.number"] = record.get("line")
        attributes["code.function.name"] = record.get("function")


def _add_thread(attributes: dict[Any, Any], record: Mapping[str, Any]) -> None:
    thread = record.get("thread")
    if thread is not None:
        attributes["thread.id"] = getattr(thread, "id", None)
        attributes["thread.name"] = getattr(thread, "name", None)


def _take_special(attributes: dict[Any, Any]) -> str | None:
    """Take out what the record has in fields of its own, and give the event name."""
    for key in TRACE_KEYS:
        attributes.pop(key, None)
    name = attributes.pop(EVENT_NAME, None)
    return name if name is None or isinstance(name, str) else object_text(name)


def add_trace_ids(record: Any) -> None:
    """Add ``otelTraceID``, ``otelSpanID`` (hex) and ``otelTraceSampled`` of the current span to a record's ``extra``.

    A patcher (``logger.configure(patcher=add_trace_ids)``) for those who print them, as ``{extra[otelTraceID]}``;
    ``"0"`` outside a span, so that a format that names them always works. The exported record has the ids in fields of
    its own and leaves these keys out.
    """
    record["extra"].update(trace_fields())
