"""``otel.sdk.exporter.*`` of an engine's destinations, each with attributes of its own.

Source: OpenTelemetry semantic conventions, "SDK metrics".
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from fapilog_otel.contracts import exporter_traits
from fapilog_otel.telemetry.diagnostics import get_diagnostics

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fapilog_otel.buffer.engine import Engine
    from fapilog_otel.buffer.spec import Destination, EngineSpec
    from fapilog_otel.telemetry.operations import Operation

DURATION: Final = (
    "otel.sdk.exporter.operation.duration",
    "s",
    "The duration of exporting a batch of telemetry records",
)
DESTINATION: Final = "fapilog_otel.destination"
_ERROR: Final = "error.type"
# The SDK's word for what is logged after shutdown.
_WORDS: Final = {"shutdown": "already_shutdown"}
# Status codes of gRPC, whose package is not loaded for them.
_GRPC: Final = frozenset(
    {
        "OK",
        "CANCELLED",
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAVAILABLE",
        "DATA_LOSS",
        "UNAUTHENTICATED",
    }
)

_numbers: defaultdict[str, itertools.count[int]] = defaultdict(itertools.count)


def component(kind: str) -> dict[str, Any]:
    """Give the attributes that tell one component of a kind from another."""
    return {"otel.component.type": kind, "otel.component.name": f"{kind}/{next(_numbers[kind])}"}


def server(endpoint: str) -> dict[str, Any]:
    """Give ``server.address`` and ``server.port`` of an endpoint; nothing where there is none."""
    url = urlsplit(endpoint if "://" in endpoint else f"//{endpoint}")
    if not endpoint:
        return {}
    if endpoint.startswith("unix:") or not url.hostname:
        return {"server.address": endpoint.removeprefix("unix:").removeprefix("//")}
    port = url.port or {"https": 443, "http": 80}.get(url.scheme)
    return {"server.address": url.hostname, **({"server.port": port} if port else {})}


def with_error(attributes: Mapping[str, Any], reason: str) -> Mapping[str, Any]:
    """Give attributes with ``error.type``; unchanged where there is no error."""
    return {**attributes, _ERROR: _WORDS.get(reason, reason)} if reason else attributes


def operation_attributes(attributes: Mapping[str, Any], reason: str, code: str = "") -> Mapping[str, Any]:
    """Give the attributes of one export: its failure's reason, and the status that the receiver answered with.

    Args:
        attributes: The component's.
        reason: Why it failed; empty: it did not.
        code: The transport's word for the reply; empty: the reason may be one.
    """
    found = dict(with_error(attributes, reason))
    family, _, status = (code or reason).partition("_")
    if family == "http" and status.isdecimal():
        found["http.response.status_code"] = int(status)
    elif family == "grpc" and status.upper() in _GRPC:
        found["rpc.response.status_code"] = status.upper()
    return found


class ExporterMetrics:
    """Knows the attributes of every destination, and times deliveries once there is a histogram."""

    def __init__(self) -> None:
        self.histogram: Any = None
        self._destinations: dict[str, Destination] = {}
        self._attributes: dict[str, Mapping[str, Any]] = {}

    def describe(self, spec: EngineSpec | None) -> None:
        """Learn which destinations there are from now on; they are new components."""
        self._attributes = {}
        self._destinations = {} if spec is None else {one.settings.name: one for one in spec.destinations}

    def attributes(self, name: str) -> Mapping[str, Any]:
        """Give the attributes of a destination's exporter."""
        found = self._attributes.get(name)
        if found is None:
            found = self._attributes.setdefault(name, _attributes(name, self._destinations.get(name)))
        return found

    def record(self, operation: Operation) -> None:
        """Time a delivery; never raises an `Exception`."""
        if self.histogram is None:
            return
        attributes = operation_attributes(self.attributes(operation.destination), operation.reason, operation.code)
        try:
            self.histogram.record(operation.seconds, attributes)
        except Exception as error:  # noqa: BLE001 - the application's meter provider; delivery must go on
            get_diagnostics().report("metrics.failed", "a metric could not be recorded", cause=repr(error))

    def exported(self, engine: Engine | None) -> list[tuple[int, Mapping[str, Any]]]:
        """Give the records whose export has finished, by destination and outcome."""
        if engine is None:
            return []
        points: list[tuple[int, Mapping[str, Any]]] = []
        for name, stats in engine.stats().destinations.items():
            attributes = self.attributes(name)
            points.append((stats.delivered, attributes))
            points += [(number, with_error(attributes, reason)) for reason, number in stats.failed_by_reason.items()]
        return points

    def inflight(self, engine: Engine | None) -> list[tuple[int, Mapping[str, Any]]]:
        """Give the records in requests under way, by destination."""
        branches = () if engine is None else engine.branches
        return [(branch.records_under_way, self.attributes(branch.name)) for branch in branches]


def _attributes(name: str, destination: Destination | None) -> Mapping[str, Any]:
    if destination is None:
        return {DESTINATION: name}
    traits = exporter_traits(destination.exporter)
    kind = type(destination.exporter)
    own = traits.component_type or f"{kind.__module__}.{kind.__qualname__}"
    return {**component(own), DESTINATION: name, **server(traits.endpoint)}
