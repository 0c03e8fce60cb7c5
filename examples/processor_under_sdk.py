"""Second face: a processor under the SDK's own log provider; filters, redaction and delivery are ours.

    python processor_under_sdk.py

sends to http://localhost:4318, or to OTEL_EXPORTER_OTLP_ENDPOINT.
"""

from __future__ import annotations

from opentelemetry import trace
from opentelemetry._logs import SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

import fapilog_otel

RESOURCE = Resource.create({"service.name": "shop"})


def main() -> None:
    trace.set_tracer_provider(TracerProvider(resource=RESOURCE))
    provider = LoggerProvider(resource=RESOURCE)
    processor = fapilog_otel.FapilogLogRecordProcessor(schedule_delay_millis=500)
    provider.add_log_record_processor(processor)

    with trace.get_tracer("shop").start_as_current_span("log in"):
        provider.get_logger("shop.door").emit(
            severity_number=SeverityNumber.INFO,
            severity_text="INFO",
            body="customer logged in",
            attributes={"customer": "c-1", "password": "hunter2"},  # masked on its way
        )

    provider.force_flush(2000)
    print(processor.stats())
    provider.shutdown()


if __name__ == "__main__":
    main()
