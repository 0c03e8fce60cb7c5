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

__all__ = [
    "ConfigError",
    "DeliveryError",
    "FapilogOtelError",
    "PermanentError",
    "PluginError",
    "RetryableError",
    "map_exceptions",
]
