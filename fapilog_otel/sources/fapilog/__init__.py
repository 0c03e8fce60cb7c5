"""fapilog as a source, and as the sink ``fapilog_otel`` for those who configure their sinks in fapilog.

::

    logger.info(…) ─► payload ─► queue ─► filter · enrich · redact · process ─┬─► its sinks, as before
                        │ trace context of the caller                         └─► translate ─► provider's Logger.emit
                        └ fapilog's own enricher looks for it in the worker thread, where there is none

Tested with fapilog 0.18.
"""

from __future__ import annotations

from fapilog_otel.sources.fapilog.checks import find_traps
from fapilog_otel.sources.fapilog.sink import PLUGIN_METADATA, FapilogOtelSink
from fapilog_otel.sources.fapilog.source import FapilogHandle, FapilogSource

__all__ = ["PLUGIN_METADATA", "FapilogHandle", "FapilogOtelSink", "FapilogSource", "find_traps"]
