"""The trace bytes of the running context, read on the caller's thread and cached by the identity of the Context."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fapilog_otel.compat.api import runtime_context_var, span_context_ids
from fapilog_otel.encode._wire import trace_fields

if TYPE_CHECKING:
    from opentelemetry.context import Context

_ABSENT = object()


class TraceCache:
    """Encoded trace id, span id and flags of one context at a time.

    The Context is immutable and held here by a strong reference, so its identity cannot come to stand for another;
    `clear` lets go of it.
    """

    __slots__ = ("_context", "_fields", "_var")

    def __init__(self) -> None:
        self._var = runtime_context_var()
        self._context: object = _ABSENT
        self._fields = b""

    def current(self) -> bytes:
        """Give the trace fields of the current context."""
        if self._var is None:
            return trace_fields(*span_context_ids(None))
        context = self._var.get(None)
        if context is self._context:
            return self._fields
        if context is None:
            return b""
        return self._load(context)

    def of(self, context: Context) -> bytes:
        """Give the trace fields of an explicit context."""
        return self._fields if context is self._context else self._load(context)

    def _load(self, context: Context) -> bytes:
        fields = trace_fields(*span_context_ids(context))
        # The pair is read without a lock: the context is stored last, and cleared first.
        self._context = _ABSENT
        self._fields = fields
        self._context = context
        return fields

    def clear(self) -> None:
        """Let go of the context, and of the span in it."""
        self._context = _ABSENT
