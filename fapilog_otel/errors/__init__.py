"""Exceptions that fapilog_otel raises, all derived from `FapilogOtelError`."""

from __future__ import annotations

from fapilog_otel.errors._types import (
    ConfigError,
    DeliveryError,
    FapilogOtelError,
    PermanentError,
    PluginError,
    RetryableError,
    map_exceptions,
)

# Tracebacks name an exception by its module: by the one that users import it from.
for _error in (FapilogOtelError, ConfigError, PluginError, DeliveryError, PermanentError, RetryableError):
    _error.__module__ = __name__

__all__ = [
    "ConfigError",
    "DeliveryError",
    "FapilogOtelError",
    "PermanentError",
    "PluginError",
    "RetryableError",
    "map_exceptions",
]
