"""loguru as a source: its messages become OTel log records on the caller's thread, and its sinks see no difference.

::

    logger.info(…) ─► record ─► patchers ─► core.handlers ─┬─► translate ─► provider's Logger.emit
                                                           └─► the application's sinks, as before

The mapping of handlers is one of ours while the source is installed: it has every handler of the application under its
id, and beside them one that has no id. So neither ``logger.remove()`` nor ``configure(handlers=…)`` takes it out.
"""

from __future__ import annotations

from fapilog_otel.sources.loguru.source import LoguruHandle, LoguruSource
from fapilog_otel.sources.loguru.translate import add_trace_ids

__all__ = ["LoguruHandle", "LoguruSource", "add_trace_ids"]
