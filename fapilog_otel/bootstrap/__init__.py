"""``configure()`` and what it leaves behind: the current handle, the permanent provider, ``get_logger``."""

from __future__ import annotations

from fapilog_otel.bootstrap.configure import configure, current_handle, get_logger, install, shutdown
from fapilog_otel.bootstrap.handle import Handle

__all__ = ["Handle", "configure", "current_handle", "get_logger", "install", "shutdown"]
