"""fapilog: every logger's events with the span of their call, after its own filters, enrichers and redactors.

    python fapilog_service.py

sends to http://localhost:4318, or to OTEL_EXPORTER_OTLP_ENDPOINT.
"""

from __future__ import annotations

import asyncio

import fapilog
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

import fapilog_otel


def main() -> None:
    trace.set_tracer_provider(TracerProvider())
    with fapilog_otel.configure(service_name="shop", sources=["fapilog"]) as handle:
        log = fapilog.get_logger("shop.cart")
        with trace.get_tracer("shop").start_as_current_span("place_order"):
            log.info("order placed", order_id="o-1", user_id="u1", total=12.5)
            log.audit("price changed", sensitive={"approver": "mary"})
        print(asyncio.run(log.stop_and_drain()).processed)
        handle.flush(timeout=2)


if __name__ == "__main__":
    main()
