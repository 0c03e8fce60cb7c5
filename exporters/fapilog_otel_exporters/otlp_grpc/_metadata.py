"""Request headers as gRPC metadata."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from fapilog_otel.telemetry.diagnostics import get_diagnostics

if TYPE_CHECKING:
    from fapilog_otel_exporters._headers import Pairs

# gRPC over HTTP/2, "Custom-Metadata".
_NAME: Final = re.compile(r"[0-9a-z_.\-]+")
_VALUE: Final = re.compile(r"[\x20-\x7e]*")
# HTTP/2 and gRPC set these themselves.
_OURS: Final = frozenset(
    {"connection", "content-length", "content-type", "host", "te", "transfer-encoding", "upgrade", "user-agent"}
)


def checked_metadata(pairs: Pairs) -> Pairs:
    """Give headers in the form that gRPC takes: names in lower case, those of the protocol itself left out.

    Raises:
        ValueError: A name or value cannot be sent; the value is not part of the message.
    """
    lowered = tuple((name.lower(), value) for name, value in pairs)
    ignored = sorted(name for name, _ in lowered if name in _OURS)
    if ignored:
        text = "headers that describe the message itself are not taken from the settings"
        get_diagnostics().report("otlp_grpc.headers", text, names=", ".join(ignored))
    metadata = tuple((name, value) for name, value in lowered if name not in _OURS)
    for name, value in metadata:
        if not _NAME.fullmatch(name) or name.startswith("grpc-"):
            raise ValueError(f"{name!r} is not a name that gRPC metadata may have")
        if name.endswith("-bin"):
            raise ValueError(f"{name!r} would hold binary metadata, which a text cannot")
        if not _VALUE.fullmatch(value):
            raise ValueError(f"{name!r} holds a character that gRPC cannot send")
    return metadata
