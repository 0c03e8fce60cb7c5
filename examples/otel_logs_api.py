"""OpenTelemetry's Logs API: a library that logs through it needs to know nothing of who delivers.

    python otel_logs_api.py

sends to http://localhost:4318, or to OTEL_EXPORTER_OTLP_ENDPOINT.
"""

from __future__ import annotations

from opentelemetry import trace
from opentelemetry._logs import SeverityNumber, get_logger
from opentelemetry.sdk.trace import TracerProvider

import fapilog_otel

log = get_logger("shop.mail", "1.0")


def confirm(order_id: str) -> None:
    with trace.get_tracer("shop").start_as_current_span("send confirmation"):
        log.emit(
            severity_number=SeverityNumber.INFO,
            severity_text="INFO",
            event_name="order.confirmed",
            body={"order": order_id, "items": ["tea pot", "samovar"]},  # structure stays structure
            attributes={"attempt": 1},
        )
        log.emit(severity_number=SeverityNumber.DEBUG, severity_text="DEBUG", body="mail handed over")


def main() -> None:
    trace.set_tracer_provider(TracerProvider())
    with fapilog_otel.configure(service_name="shop", sources=()) as handle:
        confirm("o-1")
        handle.flush(timeout=2)
        print(handle.stats())


if __name__ == "__main__":
    main()
