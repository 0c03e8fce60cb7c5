"""Python's own ``logging`` as a source: its records become OTel log records, and the application sees no difference.

::

    logger.info(…) ─► isEnabledFor ─► (record) ─► filters ─► callHandlers ─┬─► translate ─► provider's Logger.emit
                        │ hook                                │ hook       │
                        └ its own levels, or ours             └────────────┴─► the application's handlers, if its own
                                                                               levels admitted the record
"""

from __future__ import annotations

from fapilog_otel.sources.stdlib.source import StdlibHandle, StdlibSource

__all__ = ["StdlibHandle", "StdlibSource"]
