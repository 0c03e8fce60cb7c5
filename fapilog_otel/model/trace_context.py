"""The ids that tie a log record to the span it was written in."""

from __future__ import annotations

from typing import NamedTuple


class TraceContext(NamedTuple):
    """Trace id (128 bits), span id (64 bits) and W3C trace flags; all zero: no span."""

    trace_id: int = 0
    span_id: int = 0
    flags: int = 0


NO_TRACE = TraceContext()
