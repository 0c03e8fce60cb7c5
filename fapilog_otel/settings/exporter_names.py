"""The names that exporters go by: installed entry points, and those that ``OTEL_LOGS_EXPORTER`` uses for OTLP."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Final

from fapilog_otel.settings import parse
from fapilog_otel.settings.invalid import InvalidValueError, suggest

if TYPE_CHECKING:
    from fapilog_otel.settings.endpoint import Protocol

EXPORTER_GROUP: Final = "fapilog_otel.exporters"
OTLP_HTTP: Final = "otlp_http"
OTLP_GRPC: Final = "otlp_grpc"
NONE: Final = "none"

# What means "OTLP", with the protocol it insists on; None: the configured one. The last two are the stock SDK's names.
OTLP_ALIASES: Final[dict[str, Protocol | None]] = {
    "otlp": None,
    "fapilog_otlp": None,
    "otlp_proto_http": "http/protobuf",
    "otlp_proto_grpc": "grpc",
}


def is_otlp(kind: object) -> bool:
    """Tell whether an exporter's name means OTLP over the network, which takes the transport settings."""
    return kind in OTLP_ALIASES or kind in {OTLP_HTTP, OTLP_GRPC}


def check_exporter_type(name: str) -> None:
    """Refuse an exporter that is not installed; what every installation has is not looked up.

    Raises:
        InvalidValueError: With the names that exist.
    """
    if is_otlp(name):
        return
    known = {entry.name for entry in entry_points(group=EXPORTER_GROUP)}
    if name not in known:
        remedy = suggest(name, {*known, "otlp", OTLP_HTTP, OTLP_GRPC})
        raise InvalidValueError("names no installed exporter", remedy, name)


def check_logs_exporter(value: object) -> tuple[str, ...]:
    """Give the exporters named in ``"otlp,console"`` or in a list.

    Raises:
        InvalidValueError: One is not installed, or ``none`` stands beside another.
    """
    names = parse.names(value)
    if not names:
        raise InvalidValueError("names no exporter", "Write 'none' to export nothing")
    if NONE in names and len(names) > 1:
        raise InvalidValueError("has 'none' beside another exporter", "Write 'none' alone, or leave it out")
    for name in names:
        if name != NONE:
            check_exporter_type(name)
    return names
