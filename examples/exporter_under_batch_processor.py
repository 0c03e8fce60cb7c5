"""Third face: an exporter under the SDK's own batch processor; the SDK queues, we deliver.

    python exporter_under_batch_processor.py

sends to http://localhost:4318, or to OTEL_EXPORTER_OTLP_ENDPOINT.
"""

from __future__ import annotations

from opentelemetry import trace
from opentelemetry._logs import SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

import fapilog_otel

RESOURCE = Resource.create({"service.name": "shop"})


def main() -> None:
    trace.set_tracer_provider(TracerProvider(resource=RESOURCE))
    provider = LoggerProvider(resource=RESOURCE)
    exporter = fapilog_otel.FapilogLogRecordExporter(compression="gzip", timeout=2)
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter))

    with trace.get_tracer("shop").start_as_current_span("place order"):
        provider.get_logger("shop.cart").emit(
            severity_number=SeverityNumber.INFO, severity_text="INFO", body="order placed"
        )

    print("flushed:", provider.force_flush(2000))
    provider.shutdown()


if __name__ == "__main__":
    main()
