"""The trace bytes of the running context, read on the caller's thread and cached by the identity of the Context."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fapilog_otel.compat.api import runtime_context_var, span_context_ids
from fapilog_otel.encode._wire import trace_fields

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.context import Context

_NOTHING: tuple[object, bytes] = (object(), b"")
_UNKNOWN = object()


def _unknown(default: None) -> object:
    """Stand for the current context where OpenTelemetry keeps it elsewhere: no cache knows it."""
    del default
    return _UNKNOWN


def context_fields(context: Context | None) -> bytes:
    """Give the trace fields of a context, None: the current one; empty where its span cannot tell its ids."""
    try:
        return trace_fields(*span_context_ids(context))
    except Exception:  # noqa: BLE001 - a tracer's own code; the record is worth more than its correlation
        return b""


class TraceCache:
    """Encoded trace id, span id and flags of one context at a time.

    The Context is immutable and held here by a strong reference, so its identity cannot come to stand for another;
    `clear` lets go of it.
    """

    __slots__ = ("cached", "get")

    def __init__(self) -> None:
        var = runtime_context_var()
        self.get: Callable[[None], Context | object | None] = _unknown if var is None else var.get
        self.cached = _NOTHING  # one tuple, so that no thread sees a context beside another's fields

    def current(self) -> bytes:
        """Give the trace fields of the current context."""
        context = self.get(None)
        if context is _UNKNOWN:
            return context_fields(None)
        return b"" if context is None else self.of(context)  # type: ignore[arg-type]

    def of(self, context: Context) -> bytes:
        """Give the trace fields of an explicit context."""
        known, fields = self.cached
        if context is not known:
            fields = context_fields(context)
            self.cached = (context, fields)
        return fields

    def clear(self) -> None:
        """Let go of the context, and of the span in it."""
        self.cached = _NOTHING
