"""The OpenTelemetry logs SDK types; import this only where SDK objects are really used (it costs tens of ms)."""

from __future__ import annotations

from opentelemetry.sdk._logs import (
    LoggerProvider,
    LogRecordLimits,
    LogRecordProcessor,
    ReadableLogRecord,
    ReadWriteLogRecord,
)
from opentelemetry.sdk._logs.export import LogRecordExporter, LogRecordExportResult
from opentelemetry.sdk.resources import Resource, ServiceInstanceIdResourceDetector
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

__all__ = [
    "InstrumentationScope",
    "LogRecordExportResult",
    "LogRecordExporter",
    "LogRecordLimits",
    "LogRecordProcessor",
    "LoggerProvider",
    "ReadWriteLogRecord",
    "ReadableLogRecord",
    "Resource",
    "ServiceInstanceIdResourceDetector",
]
