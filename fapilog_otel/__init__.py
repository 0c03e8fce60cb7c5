"""The OpenTelemetry-native logging bridge: every log tied to its trace, delivered over OTLP.

    import fapilog_otel as fo

    handle = fo.configure(endpoint="http://localhost:4318", service_name="shop")
    fo.get_logger("shop.cart").info("order placed", order_id="o-1", total=12.5)

Importing this package is cheap: names load what they need when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fapilog_otel import errors
    from fapilog_otel.bootstrap.configure import configure, get_logger, install, shutdown
    from fapilog_otel.bootstrap.handle import Handle
    from fapilog_otel.contracts import EncodedLogs, Exporter, ExportResult, Source, Stage
    from fapilog_otel.encode.context import bound_context
    from fapilog_otel.model.record import Record
    from fapilog_otel.model.version import __version__
    from fapilog_otel.provider.exporter import FapilogLogRecordExporter
    from fapilog_otel.provider.logger import Logger
    from fapilog_otel.provider.processor import FapilogLogRecordProcessor
    from fapilog_otel.provider.provider import LoggerProvider
    from fapilog_otel.settings import Settings
    from fapilog_otel.telemetry.accounting import Stats
    from fapilog_otel.telemetry.health import HealthReport

__all__ = [
    "EncodedLogs",
    "ExportResult",
    "Exporter",
    "FapilogLogRecordExporter",
    "FapilogLogRecordProcessor",
    "Handle",
    "HealthReport",
    "Logger",
    "LoggerProvider",
    "Record",
    "Settings",
    "Source",
    "Stage",
    "Stats",
    "__version__",
    "bound_context",
    "configure",
    "errors",
    "get_logger",
    "install",
    "shutdown",
]

_HOMES = {
    "EncodedLogs": "contracts",
    "ExportResult": "contracts",
    "Exporter": "contracts",
    "FapilogLogRecordExporter": "provider.exporter",
    "FapilogLogRecordProcessor": "provider.processor",
    "Handle": "bootstrap",
    "HealthReport": "telemetry.health",
    "Logger": "provider.logger",
    "LoggerProvider": "provider.provider",
    "Record": "model.record",
    "Settings": "settings",
    "Source": "contracts",
    "Stage": "contracts",
    "Stats": "telemetry.accounting",
    "__version__": "model.version",
    "bound_context": "encode.context",
    "configure": "bootstrap",
    "get_logger": "bootstrap",
    "install": "bootstrap",
    "shutdown": "bootstrap",
}


def __getattr__(name: str) -> object:
    if name == "errors":
        return import_module("fapilog_otel.errors")
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
