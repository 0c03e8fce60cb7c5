"""First face: the log provider itself, for those who set OpenTelemetry up by hand.

    python provider.py

sends to http://localhost:4318, or to OTEL_EXPORTER_OTLP_ENDPOINT.
"""

from __future__ import annotations

from opentelemetry import trace
from opentelemetry._logs import SeverityNumber, get_logger, set_logger_provider
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

import fapilog_otel

RESOURCE = Resource.create({"service.name": "shop"})


def main() -> None:
    trace.set_tracer_provider(TracerProvider(resource=RESOURCE))
    provider = fapilog_otel.LoggerProvider(resource=RESOURCE)
    set_logger_provider(provider)

    with trace.get_tracer("shop").start_as_current_span("place order"):
        get_logger("shop.cart").emit(severity_number=SeverityNumber.INFO, severity_text="INFO", body="order placed")

    provider.force_flush(timeout_millis=2000)
    print(provider.stats())
    provider.shutdown()


if __name__ == "__main__":
    main()
