"""The OpenTelemetry logs API, and the two internals that trace correlation reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry import context as _otel_context
from opentelemetry import trace as _otel_trace
from opentelemetry._logs import (
    Logger,
    LoggerProvider,
    LogRecord,
    NoOpLogger,
    SeverityNumber,
    get_logger_provider,
    set_logger_provider,
)
from opentelemetry._logs import _internal as _logs_internal
from opentelemetry.attributes import BoundedAttributes
from opentelemetry.trace import TraceFlags, get_current_span

if TYPE_CHECKING:
    from contextvars import ContextVar

    from opentelemetry.context import Context

__all__ = [
    "METRICS_SWITCH",
    "REQUEST_KEY",
    "BoundedAttributes",
    "LogRecord",
    "Logger",
    "LoggerProvider",
    "NoOpLogger",
    "SeverityNumber",
    "TraceFlags",
    "current_logger_provider",
    "current_tracer_provider",
    "get_current_span",
    "get_logger_provider",
    "plain_attributes",
    "runtime_context_var",
    "set_logger_provider",
    "span_context_ids",
    "suppression_active",
]

METRICS_SWITCH = "OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED"
"""Environment variable that turns the SDK's metrics about itself on, and ours with them."""

REQUEST_KEY = _otel_context.create_key("fapilog_otel_request")
"""Key of the request that a context belongs to: an object whose ``ids()`` speak where no span is active."""

_SUPPRESSION_KEY = getattr(_otel_context, "_SUPPRESS_INSTRUMENTATION_KEY", "suppress_instrumentation")


def runtime_context_var() -> ContextVar[Context] | None:
    """Give the context variable that holds OpenTelemetry's current context, or None for another runtime context."""
    runtime = getattr(_otel_context, "_RUNTIME_CONTEXT", None)  # no public way; the caller falls back on None
    if type(runtime).__name__ != "ContextVarsRuntimeContext":
        return None
    return getattr(runtime, "_current_context", None)


def span_context_ids(context: Context | None) -> tuple[int, int, int]:
    """Give (trace id, span id, flags) of the span in a context, or of the current one.

    Where there is none, those of the request that the context belongs to; zeros without one.
    """
    span_context = get_current_span(context).get_span_context()
    if not span_context.is_valid:
        request: Any = _otel_context.get_value(REQUEST_KEY, context)
        return (0, 0, 0) if request is None else request.ids()
    return span_context.trace_id, span_context.span_id, int(span_context.trace_flags)


def plain_attributes(attributes: Any) -> Any:
    """Give a copy of the dict in the SDK's bounded attributes, whose own iteration is slow; all else as it is."""
    if type(attributes) is BoundedAttributes:
        inner = getattr(attributes, "_dict", None)
        if type(inner) is dict:
            return inner.copy()
    return attributes


def suppression_active() -> bool:
    """Tell whether OpenTelemetry's "suppress instrumentation" key is set in the current context."""
    return bool(_otel_context.get_value(_SUPPRESSION_KEY))


def current_logger_provider() -> LoggerProvider | None:
    """Give the global provider that somebody has set, or None; never creates one."""
    return getattr(_logs_internal, "_LOGGER_PROVIDER", None)  # get_logger_provider() would load one


def current_tracer_provider() -> Any:
    """Give the global tracer provider that somebody has set, or None; never creates one."""
    return getattr(_otel_trace, "_TRACER_PROVIDER", None)  # get_tracer_provider() may load one
