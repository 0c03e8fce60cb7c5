"""A small OTLP receiver for logs and traces, over HTTP and gRPC, whose replies a script can spoil.

::

    HTTP  POST /v1/logs  ─┐                                   ┌─► Reply (status, delay, fault …) ─► client
                          ├─► script ─► decode ─► Reception ──┤
    gRPC  …/Export       ─┘                                   └─► .logs  .spans  .requests  wait_for_…

The demo and the development console receive with it, and tests make it fail on purpose. Each transport runs in threads
of its own; everything public may be called from any thread.
"""

from __future__ import annotations

from fapilog_otel.receiver.otlp_receiver import OtlpReceiver, ReceiverTls
from fapilog_otel.receiver.reception import Reception
from fapilog_otel.receiver.records import ReceivedEvent, ReceivedLog, ReceivedRequest, ReceivedScope, ReceivedSpan
from fapilog_otel.receiver.script import (
    SUCCESS,
    Bomb,
    Disconnect,
    Drip,
    Fault,
    GrpcStatus,
    Reply,
    Script,
    ScriptLike,
    Truncate,
)

__all__ = [
    "SUCCESS",
    "Bomb",
    "Disconnect",
    "Drip",
    "Fault",
    "GrpcStatus",
    "OtlpReceiver",
    "ReceivedEvent",
    "ReceivedLog",
    "ReceivedRequest",
    "ReceivedScope",
    "ReceivedSpan",
    "ReceiverTls",
    "Reception",
    "Reply",
    "Script",
    "ScriptLike",
    "Truncate",
]
