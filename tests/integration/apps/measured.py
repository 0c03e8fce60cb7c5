"""Logs through ``configure()`` with the SDK's metrics beside it; prints its own account once the metrics are out."""

from __future__ import annotations

import json
import os
import sys

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.metrics import set_meter_provider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

import fapilog_otel as fo

COLLECTOR, SERVICE = sys.argv[1:3]


def main() -> None:
    exporter = OTLPMetricExporter(endpoint=f"{COLLECTOR}/v1/metrics")
    meters = MeterProvider(
        [PeriodicExportingMetricReader(exporter, export_interval_millis=60_000)],
        resource=Resource({"service.name": SERVICE}),
    )
    set_meter_provider(meters)
    os.environ["OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED"] = "true"
    destinations = {
        "main": {"type": "otlp_http", "endpoint": COLLECTOR},
        # nothing is served at that path: the Collector answers 404
        "lost": {"type": "otlp_http", "endpoint": f"{COLLECTOR}/nowhere/v1/logs", "optional": True, "level": "ERROR"},
    }
    handle = fo.configure(exporters=destinations, service_name=SERVICE, sources=[], max_queue_size=5000)
    log = fo.get_logger("shop")
    for number in range(300):
        log.info("order placed", number=number)
    for number in range(7):
        log.error("payment failed", number=number)
    flushed = handle.flush(20)
    stats = handle.stats()
    meters.force_flush(20_000)
    print(
        json.dumps(
            {
                "flushed": flushed,
                "submitted": stats.submitted,
                "processed": stats.delivered + stats.failed + stats.filtered,
                "in_flight": stats.in_flight,
                "destinations": {
                    name: {"": one.delivered, **one.failed_by_reason} for name, one in stats.destinations.items()
                },
                "operations": {
                    name: {reason: found.count for reason, found in by_reason.items()}
                    for name, by_reason in handle.operations().items()
                },
            }
        )
    )
    handle.shutdown()
    meters.shutdown()


if __name__ == "__main__":
    main()
