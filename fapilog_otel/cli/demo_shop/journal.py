"""How the shop logs, three ways, and its own account of what it wrote in which span.

The account asks OpenTelemetry's tracing API, not our encoder: what arrives is compared with it.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from typing import Final

from opentelemetry import trace

from fapilog_otel.bootstrap import get_logger
from fapilog_otel.compat import api
from fapilog_otel.model.anyvalue import AnyValue
from fapilog_otel.model.severity import severity_text

_STDLIB: Final = {"DEBUG": logging.DEBUG, "INFO": logging.INFO, "WARN": logging.WARNING, "ERROR": logging.ERROR}


@dataclass(frozen=True, slots=True)
class Entry:
    """One log as it was written.

    Args:
        trace_id: 32 hex digits; zeros: outside any trace.
        span_id: 16 hex digits.
        level: Severity text that must arrive.
        body: Body that must arrive.
    """

    trace_id: str
    span_id: str
    level: str
    body: str


class Journal:
    """The shop's voices; every call is noted, from any thread."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._lock = threading.Lock()

    @property
    def entries(self) -> list[Entry]:
        """What has been written so far; a copy."""
        with self._lock:
            return list(self._entries)

    def stdlib(self, name: str, level: str, message: str, *args: object, **extra: object) -> None:
        """Log through the standard library's ``logging``."""
        self._note(level, message % args)
        logging.getLogger(name).log(_STDLIB[level], message, *args, extra=extra)

    def own(self, name: str, level: str, message: str, **attributes: AnyValue) -> None:
        """Log through a logger of ours."""
        self._note(level, message)
        get_logger(name).log(level, message, **attributes)

    def own_exception(self, name: str, message: str, **attributes: AnyValue) -> None:
        """Log the exception being handled through a logger of ours."""
        self._note("ERROR", message)
        get_logger(name).exception(message, **attributes)

    async def own_async(self, name: str, message: str, **attributes: AnyValue) -> None:
        """Log through the async twin of our logger's ``info``."""
        self._note("INFO", message)
        await get_logger(name).ainfo(message, **attributes)

    def event(self, name: str, event_name: str, body: str, **attributes: AnyValue) -> None:
        """Log an event through OpenTelemetry's Logs API."""
        severity = api.SeverityNumber.INFO
        text = severity_text(severity.value)
        self._note(text, body)
        api.get_logger_provider().get_logger(name).emit(
            severity_number=severity, severity_text=text, body=body, event_name=event_name, attributes=attributes
        )

    def _note(self, level: str, body: str) -> None:
        context = trace.get_current_span().get_span_context()
        entry = Entry(f"{context.trace_id:032x}", f"{context.span_id:016x}", level, body)
        with self._lock:
            self._entries.append(entry)
