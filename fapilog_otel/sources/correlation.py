"""Trace context for text that stays local, under the names by which OpenTelemetry's log correlation adds it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fapilog_otel.compat.api import span_context_ids

if TYPE_CHECKING:
    from typing import Any

TRACE_KEYS: Final = ("otelTraceID", "otelSpanID", "otelTraceSampled", "otelServiceName")
"""What is added to text; an exported record has it in its own fields."""

EVENT_NAME: Final = "otel.event.name"
"""Key by which callers name the event class."""

_NO_SPAN: Final[tuple[str, str, bool]] = ("0", "0", False)


def trace_values() -> tuple[str, str, bool]:
    """Give trace id and span id of the current span in hex, and whether it is sampled; ``"0"`` outside a span."""
    trace_id, span_id, flags = span_context_ids(None)
    return (f"{trace_id:032x}", f"{span_id:016x}", bool(flags & 1)) if trace_id else _NO_SPAN


def trace_fields() -> dict[str, Any]:
    """Give the values of the current span by the first three of `TRACE_KEYS`."""
    return dict(zip(TRACE_KEYS, trace_values(), strict=False))
