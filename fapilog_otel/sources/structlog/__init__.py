"""structlog as a source: events become OTel log records on their way to the renderer, and the chain stays as it is.

::

    log.info(…) ─► processors ─┬─► renderer ─► wrapped logger      printed as before
                               └─► translate ─► provider's Logger.emit

The configuration is never touched: `BoundLoggerBase._process_event`, through which every bound logger sends its events,
is hooked. So it does not matter when, how often or whether ``structlog.configure`` is called.
"""

from __future__ import annotations

from fapilog_otel.sources.structlog.processors import ExportEvents, add_trace_ids
from fapilog_otel.sources.structlog.source import StructlogHandle, StructlogSource

__all__ = ["ExportEvents", "StructlogHandle", "StructlogSource", "add_trace_ids"]
