"""What tests of applications and plugins use: a capture fixture, contract suites, what fails on demand.

The pytest plugin brings the fixture ``fapilog_capture``; `capture_logs` is the same as a context manager.
`OtlpReceiver` answers as a script says, and `ChaosProxy` spoils the connection to it.
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
        Fault,
        GrpcStatus,
        OtlpReceiver,
        ReceivedEvent,
        ReceivedLog,
        ReceivedRequest,
        ReceivedScope,
        ReceivedSpan,
        ReceiverTls,
        Reply,
        Script,
        ScriptLike,
        Truncate,
    )
    from fapilog_otel.testing.capture import Capture, capture_logs
    from fapilog_otel.testing.chaos import ChaosProxy
    from fapilog_otel.testing.chaos_faults import (
        Blackhole,
        ChaosCounts,
        ChaosFault,
        ChaosFaults,
        Corrupt,
        Cut,
        HalfClose,
        Hang,
        Latency,
        Refuse,
        Throttle,
    )
    from fapilog_otel.testing.exporter_contract import ExporterContract
    from fapilog_otel.testing.samples import sample_records
    from fapilog_otel.testing.source_contract import SourceContract
    from fapilog_otel.testing.stage_contract import StageContract

__all__ = [
    "SUCCESS",
    "Blackhole",
    "Bomb",
    "Capture",
    "ChaosCounts",
    "ChaosFault",
    "ChaosFaults",
    "ChaosProxy",
    "Corrupt",
    "Cut",
    "Disconnect",
    "Drip",
    "ExporterContract",
    "Fault",
    "GrpcStatus",
    "HalfClose",
    "Hang",
    "Latency",
    "OtlpReceiver",
    "ReceivedEvent",
    "ReceivedLog",
    "ReceivedRequest",
    "ReceivedScope",
    "ReceivedSpan",
    "ReceiverTls",
    "Refuse",
    "Reply",
    "Script",
    "ScriptLike",
    "SourceContract",
    "StageContract",
    "Throttle",
    "Truncate",
    "capture_logs",
    "sample_records",
]

_CHAOS = "testing.chaos_faults"
_HOMES = {
    "Blackhole": _CHAOS,
    "Capture": "testing.capture",
    "ChaosCounts": _CHAOS,
    "ChaosFault": _CHAOS,
    "ChaosFaults": _CHAOS,
    "ChaosProxy": "testing.chaos",
    "Corrupt": _CHAOS,
    "Cut": _CHAOS,
    "ExporterContract": "testing.exporter_contract",
    "HalfClose": _CHAOS,
    "Hang": _CHAOS,
    "Latency": _CHAOS,
    "Refuse": _CHAOS,
    "SourceContract": "testing.source_contract",
    "StageContract": "testing.stage_contract",
    "Throttle": _CHAOS,
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
