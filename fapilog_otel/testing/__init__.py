"""What tests of applications and plugins use: a capture fixture, contract suites, a receiver that fails on demand.

The pytest plugin brings the fixture ``fapilog_capture``; `capture_logs` is the same as a context manager.
Names load what they need when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fapilog_otel.receiver import (
        SUCCESS,
        Bomb,
        Disconnect,
        Drip,
        GrpcStatus,
        OtlpReceiver,
        ReceivedLog,
        ReceivedRequest,
        ReceivedSpan,
        ReceiverTls,
        Reply,
        Script,
        Truncate,
    )
    from fapilog_otel.testing.capture import Capture, capture_logs
    from fapilog_otel.testing.exporter_contract import ExporterContract
    from fapilog_otel.testing.samples import sample_records
    from fapilog_otel.testing.source_contract import SourceContract
    from fapilog_otel.testing.stage_contract import StageContract

__all__ = [
    "SUCCESS",
    "Bomb",
    "Capture",
    "Disconnect",
    "Drip",
    "ExporterContract",
    "GrpcStatus",
    "OtlpReceiver",
    "ReceivedLog",
    "ReceivedRequest",
    "ReceivedSpan",
    "ReceiverTls",
    "Reply",
    "Script",
    "SourceContract",
    "StageContract",
    "Truncate",
    "capture_logs",
    "sample_records",
]

_HOMES = {
    "Capture": "testing.capture",
    "ExporterContract": "testing.exporter_contract",
    "SourceContract": "testing.source_contract",
    "StageContract": "testing.stage_contract",
    "capture_logs": "testing.capture",
    "sample_records": "testing.samples",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"fapilog_otel.{_HOMES.get(name, 'receiver')}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
