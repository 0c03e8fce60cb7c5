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

METRICS_SWITCH = "OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED"
"""Environment variable that turns the SDK's metrics about itself on, ours with them."""

__all__ = [
    "METRICS_SWITCH",
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
