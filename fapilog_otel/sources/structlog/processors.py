"""Processors for chains that are written by hand: one exports, one only adds trace ids to what is printed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fapilog_otel.sources.correlation import trace_fields
from fapilog_otel.sources.structlog.translate import Event, fields_of, scope_name

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from fapilog_otel.sources.stdlib.source import Provider


def add_trace_ids(_: Any, __: str, event_dict: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Add ``otelTraceID``, ``otelSpanID`` (hex) and ``otelTraceSampled`` of the current span; nothing outside a span.

    For those who print their events: the exported record has the ids in fields of its own and leaves these keys out.
    """
    fields = trace_fields()
    if fields["otelTraceID"] != "0":
        event_dict.update(fields)
    return event_dict


class ExportEvents:
    """Exports each event that comes by and hands it on unchanged; put it right before the renderer.

    A chain that has one is left alone by the installed source. Needed only where ``install("structlog")`` cannot be
    used, or for a wrapper class that does not derive from structlog's ``BoundLoggerBase``.

    Args:
        provider: A ``fapilog_otel.LoggerProvider``, or anything with the API's ``get_logger``.
    """

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self.failed = 0

    def __call__(self, logger: Any, method: str, event_dict: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Export one event."""
        try:
            event = Event(logger, method, event_dict.get("event"), {}, {}, dict(event_dict))
            self._provider.get_logger(scope_name(event)).emit(**fields_of(event))
        except Exception:  # noqa: BLE001 - a log call never raises because of us
            self.failed += 1
        return event_dict


def exports(processors: Any) -> bool:
    """Tell whether a chain exports its events by itself."""
    return any(isinstance(processor, ExportEvents) for processor in processors)
