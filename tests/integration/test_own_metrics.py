"""Metrics about the bridge, by the SDK's meter provider and OTLP exporter into a real Collector, equal the account."""

from __future__ import annotations

import time
from urllib.parse import urlsplit

from tests.integration.child import Child
from tests.receivers import Collector
from tests.receivers.metric_points import MetricPoint

PATIENCE = 10.0
NAMES = {
    "otel.sdk.log.created",
    "otel.sdk.processor.log.processed",
    "otel.sdk.processor.log.queue.size",
    "otel.sdk.processor.log.queue.capacity",
    "otel.sdk.exporter.log.exported",
    "otel.sdk.exporter.log.inflight",
    "otel.sdk.exporter.operation.duration",
}


def arrived(collector: Collector, service: str) -> dict[str, list[MetricPoint]]:
    """Waits for all metrics of a service, and gives the newest points of each by name."""
    deadline = time.monotonic() + PATIENCE
    while not {point.name for point in collector.metrics(service)} >= NAMES:
        assert time.monotonic() < deadline, {point.name for point in collector.metrics(service)}
        time.sleep(0.02)
    found: dict[str, dict[str, MetricPoint]] = {}
    for point in collector.metrics(service):
        if point.name in NAMES:
            # As the child prints its account, all is settled: what shutdown exports once more is the same.
            found.setdefault(point.name, {})[repr(sorted(point.attributes.items()))] = point
    return {name: list(points.values()) for name, points in found.items()}


def by_destination(points: list[MetricPoint]) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for point in points:
        destination = found.setdefault(point.attributes["fapilog_otel.destination"], {})
        destination[point.attributes.get("error.type", "")] = point.value
    return found


def test_every_number_in_the_collectors_file_is_the_accounts(collector: Collector, service_name: str) -> None:
    with Child("measured", collector.http_endpoint, service_name) as child:
        ended = child.end()
    assert ended.code == 0, ended.err
    said = ended.said()
    found = arrived(collector, service_name)

    assert said["flushed"] is True
    assert said["submitted"] == 307
    assert len(collector.wait_for(307, service=service_name)) == 307
    assert [point.value for point in found["otel.sdk.log.created"]] == [said["submitted"]]
    assert [point.value for point in found["otel.sdk.processor.log.processed"]] == [said["processed"]]
    assert [point.value for point in found["otel.sdk.processor.log.queue.size"]] == [said["in_flight"]]
    assert [point.value for point in found["otel.sdk.processor.log.queue.capacity"]] == [5000]
    assert by_destination(found["otel.sdk.exporter.log.exported"]) == said["destinations"]
    assert said["destinations"] == {"main": {"": 307}, "lost": {"": 0, "http_404": 7}}
    assert by_destination(found["otel.sdk.exporter.log.inflight"]) == {"main": {"": 0}, "lost": {"": 0}}

    durations = found["otel.sdk.exporter.operation.duration"]
    assert by_destination(durations) == said["operations"]
    assert all(point.total is not None and point.total > 0 for point in durations)
    port = urlsplit(collector.http_endpoint).port
    for point in durations:
        assert point.attributes["http.response.status_code"] == (404 if "error.type" in point.attributes else 200)
        assert point.attributes["otel.component.type"] == "otlp_http_log_exporter"
        assert (point.attributes["server.address"], point.attributes["server.port"]) == ("127.0.0.1", port)
    assert len({point.attributes["otel.component.name"] for point in durations}) == 2
