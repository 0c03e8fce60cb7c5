"""The same figures for Prometheus, read off the accounts when it scrapes; nothing is counted twice.

``handle.register_prometheus()`` registers a collector; by hand it is
``registry.register(fapilog_otel.telemetry.prometheus.BridgeCollector(handle))``. Names that begin with ``otel_sdk_``
are OpenTelemetry's (semantic conventions, "SDK metrics") as its Prometheus compatibility rules spell them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from fapilog_otel.telemetry.health import STATES
from fapilog_otel.telemetry.operations import BOUNDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from prometheus_client.core import Metric

    from fapilog_otel.telemetry.accounting import Stats
    from fapilog_otel.telemetry.health import DestinationHealth, HealthReport
    from fapilog_otel.telemetry.operations import Durations

_OUTCOMES: Final = ("submitted", "delivered", "filtered", "dropped", "failed")
_BUCKETS: Final = (*map(str, BOUNDS), "+Inf")


class Bridge(Protocol):
    """What a collector reads; a `fapilog_otel.Handle` is one."""

    def stats(self) -> Stats:
        """Count everything at one instant."""
        ...

    def health(self) -> HealthReport:
        """Tell how the destinations are doing."""
        ...

    def operations(self) -> Mapping[str, Mapping[str, Durations]]:
        """Give how long deliveries took, by destination and by how they ended."""
        ...


class BridgeCollector(Collector):
    """A ``prometheus_client`` collector of one bridge; any registry may hold it.

    Each process tells of itself: prometheus_client's multiprocess mode knows nothing of collectors.

    Args:
        bridge: Read at each scrape, and kept.
    """

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge

    def collect(self) -> Iterator[Metric]:
        """Give every metric; its values are those of one instant each for `Stats` and `HealthReport`."""
        stats, health = self._bridge.stats(), self._bridge.health()
        yield from _processor(stats, health)
        yield from _records(stats)
        yield from _exporter(stats, health, self._bridge.operations())
        yield from _health(health)
        yield from _queues(health.destinations.values())


def _processor(stats: Stats, health: HealthReport) -> Iterator[Metric]:
    created = CounterMetricFamily("otel_sdk_log_created", "Log records submitted to enabled loggers")
    created.add_metric([], stats.submitted)
    yield created
    processed = CounterMetricFamily(
        "otel_sdk_processor_log_processed",
        "Log records that the pipeline is done with, by error (empty: passed on)",
        labels=["error_type"],
    )
    processed.add_metric([""], stats.delivered + stats.failed + stats.filtered)
    for reason, number in sorted(stats.dropped_by_reason.items()):
        processed.add_metric([reason], number)
    yield processed
    size = GaugeMetricFamily("otel_sdk_processor_log_queue_size", "Log records that wait or are under way")
    size.add_metric([], stats.in_flight)
    yield size
    capacity = GaugeMetricFamily(
        "otel_sdk_processor_log_queue_capacity", "Log records that may wait, where that is set"
    )
    limits = [one.queue_capacity_records for one in health.destinations.values()]
    for limit in filter(None, limits[:1]):
        capacity.add_metric([], limit)
    yield capacity


def _records(stats: Stats) -> Iterator[Metric]:
    records = CounterMetricFamily(
        "fapilog_otel_log_records",
        "Log records by destination, severity band and outcome",
        labels=["destination", "severity", "outcome"],
    )
    waiting = GaugeMetricFamily(
        "fapilog_otel_log_in_flight",
        "Log records that a destination holds, by severity band",
        labels=["destination", "severity"],
    )
    for name, destination in stats.destinations.items():
        for band, lane in destination.lanes.items():
            for outcome in _OUTCOMES:
                records.add_metric([name, band, outcome], getattr(lane, outcome))
            waiting.add_metric([name, band], lane.in_flight)
    yield records
    yield waiting
    lost = CounterMetricFamily(
        "fapilog_otel_log_lost",
        "Log records that were not delivered, by destination and reason",
        labels=["destination", "error_type"],
    )
    for name, destination in stats.destinations.items():
        reasons = {*destination.dropped_by_reason, *destination.failed_by_reason}
        for reason in sorted(reasons):
            number = destination.dropped_by_reason.get(reason, 0) + destination.failed_by_reason.get(reason, 0)
            lost.add_metric([name, reason], number)
    yield lost


def _exporter(
    stats: Stats, health: HealthReport, operations: Mapping[str, Mapping[str, Durations]]
) -> Iterator[Metric]:
    labels = ["destination", "error_type"]
    exported = CounterMetricFamily(
        "otel_sdk_exporter_log_exported", "Log records whose export has finished, by error (empty: none)", labels=labels
    )
    for name, destination in stats.destinations.items():
        exported.add_metric([name, ""], destination.delivered)
        for reason, number in sorted(destination.failed_by_reason.items()):
            exported.add_metric([name, reason], number)
    yield exported
    yield _gauge(
        "otel_sdk_exporter_log_inflight",
        "Log records in requests under way",
        {name: one.records_under_way for name, one in health.destinations.items()},
    )
    durations = HistogramMetricFamily(
        "otel_sdk_exporter_operation_duration_seconds",
        "How long the delivery of a request takes, retries included",
        labels=labels,
    )
    for name, by_reason in operations.items():
        for reason, found in sorted(by_reason.items()):
            buckets = list(zip(_BUCKETS, map(float, found.cumulative), strict=True))
            durations.add_metric([name, reason], buckets, found.seconds)
    yield durations


def _health(health: HealthReport) -> Iterator[Metric]:
    overall = GaugeMetricFamily("fapilog_otel_healthy", "Whether every non-optional destination takes logs: 1 or 0")
    overall.add_metric([], health.healthy)
    yield overall
    states = GaugeMetricFamily(
        "fapilog_otel_destination_state", "1 for the state that a destination is in", labels=["destination", "state"]
    )
    for name, one in health.destinations.items():
        for state in STATES:
            states.add_metric([name, state], one.state == state)
    yield states
    attempts = CounterMetricFamily(
        "fapilog_otel_destination_attempts", "Attempts to send a request that have ended", labels=["destination"]
    )
    for name, one in health.destinations.items():
        attempts.add_metric([name], one.attempts)
    yield attempts
    yield _gauge(
        "fapilog_otel_destination_consecutive_failures",
        "Attempts since the last success",
        {name: one.consecutive_failures for name, one in health.destinations.items()},
    )
    yield _gauge(
        "fapilog_otel_destination_last_success_timestamp_seconds",
        "When an attempt last succeeded",
        {name: one.last_success for name, one in health.destinations.items()},
    )


def _queues(destinations: Iterable[DestinationHealth]) -> Iterator[Metric]:
    found = list(destinations)
    yield _gauge("fapilog_otel_queue_records", "Log records held", {one.name: one.queue_records for one in found})
    yield _gauge("fapilog_otel_queue_bytes", "Memory that they take", {one.name: one.queue_bytes for one in found})
    yield _gauge(
        "fapilog_otel_queue_capacity_bytes",
        "Memory that they may take",
        {one.name: one.queue_capacity_bytes for one in found},
    )
    yield _gauge(
        "fapilog_otel_requests_under_way", "Requests being sent", {one.name: one.requests_under_way for one in found}
    )
    yield _gauge("fapilog_otel_spool_records", "Log records on disk", {one.name: one.spool_records for one in found})
    yield _gauge("fapilog_otel_spool_bytes", "Bytes on disk", {one.name: one.spool_bytes for one in found})


def _gauge(name: str, documentation: str, values: Mapping[str, float | None]) -> Metric:
    """Give a gauge by destination; what is None has no sample."""
    family = GaugeMetricFamily(name, documentation, labels=["destination"])
    for destination, value in values.items():
        if value is not None:
            family.add_metric([destination], value)
    return family
