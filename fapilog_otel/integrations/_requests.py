"""The request that the running code works for, and the trace it belongs to, also when no span of it is active.

::

    server: one request ──► RequestScope ──► application ──► server writes its access record ──► end of RequestScope
              │ traceparent                     │ first span started                 ▲
              └──────────► RequestTrace ◄───────┘                                    │
                                └────────────────── trace id, span id ───────────────┘

The OpenTelemetry context gets no span from us: instrumentation would take it for a parent in this process and make its
server span an internal one. It gets the request under a key of its own, which trace correlation reads where no span is
active.
"""

from __future__ import annotations

import functools
import threading
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from opentelemetry import context as otel_context
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from fapilog_otel.compat.api import REQUEST_KEY, current_tracer_provider, get_current_span

if TYPE_CHECKING:
    from contextvars import Token
    from types import TracebackType

    from opentelemetry.context import Context
    from typing_extensions import Self

_NO_IDS = (0, 0, 0)
_PROPAGATOR = TraceContextTextMapPropagator()
_SERVED = (SpanKind.SERVER, SpanKind.CONSUMER)


class RequestTrace:
    """What is known of the trace of one request.

    Args:
        parent: The span of the caller, from the request's ``traceparent`` header; None: it had none.
    """

    __slots__ = ("_is_server", "parent", "span")

    def __init__(self, parent: SpanContext | None) -> None:
        self.parent = parent
        self.span: SpanContext | None = None
        self._is_server = False

    @property
    def context(self) -> SpanContext | None:
        """The server's span if there is or was one, else the caller's."""
        return self.span or self.parent

    def ids(self) -> tuple[int, int, int]:
        """Give (trace id, span id, flags); zeros where nothing is known."""
        known = self.context
        return _NO_IDS if known is None else (known.trace_id, known.span_id, int(known.trace_flags))

    def note(self, span: Any) -> None:
        """Learn of a span that was started while the request was worked on: the first one, the server's before all."""
        is_server = getattr(span, "kind", None) in _SERVED
        if self.span is not None and (self._is_server or not is_server):
            return
        context = span.get_span_context()
        if is_server or self.parent is None or context.trace_id == self.parent.trace_id:
            self.span, self._is_server = context, is_server

    def as_current(self) -> Context | None:
        """Give the current context with the request's span in it; None: nothing is known, or it is active already."""
        known = self.context
        if known is None or get_current_span().get_span_context() == known:
            return None
        return set_span_in_context(NonRecordingSpan(known))


REQUEST: ContextVar[RequestTrace | None] = ContextVar("fapilog_otel_request", default=None)


class RequestScope:
    """Marks the block as work on one request; re-entering the same request (a middleware under a server) does nothing.

    Args:
        traceparent: The header's value; None: the request has none.
        known: The request, where it was begun before.
    """

    __slots__ = ("_context_token", "_token", "trace")

    def __init__(self, traceparent: str | None, known: RequestTrace | None = None) -> None:
        self.trace = known or RequestTrace(caller_of(traceparent))
        self._token: Token[RequestTrace | None] | None = None
        self._context_token: Any = None

    def __enter__(self) -> Self:
        _watch_spans()
        self._token = REQUEST.set(self.trace)
        self._context_token = otel_context.attach(otel_context.set_value(REQUEST_KEY, self.trace))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._token is not None:
            otel_context.detach(self._context_token)
            try:
                REQUEST.reset(self._token)
            except ValueError:  # a generator's or a task's end may run in another context
                REQUEST.set(None)


def caller_of(traceparent: str | None) -> SpanContext | None:
    """Give the span that a ``traceparent`` header names (W3C Trace Context, 3.2); None where it names none."""
    if not traceparent:
        return None
    found = get_current_span(_PROPAGATOR.extract({"traceparent": traceparent}, otel_context.Context()))
    context = found.get_span_context()
    return context if context.is_valid else None


def header(pairs: Any, name: str = "traceparent") -> str | None:
    """Give the value of a header among (name, value) pairs, bytes or text, whatever the case; None: there is none."""
    for key, value in pairs:
        text = key.decode("latin-1") if isinstance(key, bytes) else str(key)
        if len(text) == len(name) and text.lower() == name:
            return value.decode("latin-1") if isinstance(value, bytes) else str(value)
    return None


class _Watched:
    lock = threading.Lock()
    provider: Any = None


def _watch_spans() -> None:
    """Have the tracer provider of this moment tell us of each span that starts."""
    provider = current_tracer_provider()
    if provider is None or provider is _Watched.provider:
        return
    with _Watched.lock:
        add = getattr(provider, "add_span_processor", None)
        if add is not None and provider is not _Watched.provider:
            add(_span_processor_class()())
        _Watched.provider = provider


@functools.cache
def _span_processor_class() -> Any:
    from opentelemetry.sdk.trace import SpanProcessor  # noqa: PLC0415 - there is an SDK provider, so it is loaded

    class RequestSpans(SpanProcessor):
        """Tells the request of the spans that start in it; spans themselves are left as they are."""

        def on_start(self, span: Any, parent_context: Context | None = None) -> None:  # noqa: ARG002 - the SDK's signature
            """Note a span that starts."""
            request = REQUEST.get()
            if request is not None:
                request.note(span)

    return RequestSpans
