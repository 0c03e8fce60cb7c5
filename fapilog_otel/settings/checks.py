"""What must hold between settings once each is valid by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fapilog_otel.errors import ConfigError
from fapilog_otel.settings.destinations import destinations
from fapilog_otel.settings.endpoint import Protocol, as_protocol, resolve, without_path
from fapilog_otel.settings.faults import invalid, is_explicit, report
from fapilog_otel.settings.invalid import InvalidValueError
from fapilog_otel.settings.layers import DEFAULT, Entry
from fapilog_otel.settings.otel_env import Remark

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fapilog_otel.settings.root import Settings


def fit_endpoint(entries: dict[str, Entry], remarks: list[Remark]) -> None:
    """Mend an endpoint from a standard variable that does not suit the protocol, with a remark.

    gRPC knows no path: it is left out. Over HTTP a scheme is needed: without one the default is used.
    """
    entry = entries.get("endpoint")
    if entry is None or is_explicit(entry.origin) or not isinstance(entry.value, str):
        return
    protocol = _protocol(entries)
    try:
        resolve(protocol, entry.value)
    except InvalidValueError as error:
        name = entry.origin.removeprefix("environment ")
        mended = without_path(entry.value) if protocol == "grpc" else None
        done = "the path is left out" if mended is not None else "it is ignored"
        remarks.append(Remark(name, str(error.shown), error.problem, done, error.remedy))
        if mended is None:
            del entries["endpoint"]
        else:
            entries["endpoint"] = Entry(mended, entry.origin)


def _protocol(entries: Mapping[str, Entry]) -> Protocol:
    entry = entries.get("protocol")
    return as_protocol(entry.value if entry is not None else None) or "http/protobuf"


def check_exclusive(entries: Mapping[str, Entry]) -> None:
    """Refuse ``exporters`` beside ``endpoint`` where both come from the same hand.

    Raises:
        ConfigError: Both are arguments, or both are variables of ours.
    """
    exporters, endpoint = entries.get("exporters"), entries.get("endpoint")
    if exporters is None or endpoint is None or not is_explicit(endpoint.origin):
        return
    if exporters.origin.split(" ")[0] == endpoint.origin.split(" ")[0]:
        remedy = "Give each destination its own endpoint in exporters, or leave exporters out"
        raise report("endpoint", endpoint.value, "excludes exporters", remedy, entries)


def check(settings: Settings, entries: Mapping[str, Entry], remarks: Iterable[Remark]) -> tuple[str, ...]:
    """Check what one setting demands of another.

    Returns:
        What the user should be told: remarks on standard variables.

    Raises:
        ConfigError: Settings contradict each other, or ``strict`` refuses a remark.
    """
    remarks = tuple(remarks)
    if settings.strict:
        _refuse(remarks)
    _check_pairs(settings, entries)
    try:
        settings.logs_endpoint()
        destinations(settings)
    except InvalidValueError as error:
        path = "exporters" if error.at else "endpoint"
        raise invalid(path, error, entries, getattr(settings, path)) from None
    return tuple(map(str, remarks))


def _refuse(remarks: Iterable[Remark]) -> None:
    for remark in remarks:
        if remark.fault:
            raise ConfigError(remark.name, remark.shown, remark.text, remark.remedy, f"environment {remark.name}")


def _check_pairs(settings: Settings, entries: Mapping[str, Entry]) -> None:
    if settings.on_full == "spill" and settings.spool is None:
        remedy = "Set spool to a directory, or on_full to 'drop' or 'block'"
        raise report("on_full", "spill", "needs a spool to spill to", remedy, entries)
    if settings.client_key is not None and settings.client_certificate is None:
        remedy = "Set client_certificate to the certificate that belongs to the key"
        raise report("client_key", "***", "has no certificate", remedy, entries)
    if settings.origin("chunk_size") != DEFAULT and settings.chunk_size > settings.max_queue_bytes:
        remedy = f"Use at most max_queue_bytes, {settings.max_queue_bytes}"
        raise report("chunk_size", settings.chunk_size, "is larger than the whole queue", remedy, entries)
