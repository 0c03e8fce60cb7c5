"""structlog, its events tied to their traces and printed as before, with the trace id in the line.

    python structlog_service.py

sends to http://localhost:4318, or to OTEL_EXPORTER_OTLP_ENDPOINT.
"""

from __future__ import annotations

import structlog
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

import fapilog_otel
from fapilog_otel.sources.structlog import add_trace_ids

log = structlog.get_logger("shop.cart")


def charge(order_id: str) -> None:
    raise TimeoutError(f"the bank does not answer about {order_id}")


def place_order(order_id: str, total: float) -> None:
    with trace.get_tracer("shop").start_as_current_span("place_order"):
        cart = log.bind(order_id=order_id)
        cart.info("order placed", total=total, items=["tea pot", "samovar"])
        try:
            charge(order_id)
        except TimeoutError:
            cart.exception("payment failed")


def main() -> None:
    trace.set_tracer_provider(TracerProvider())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            add_trace_ids,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ]
    )
    with fapilog_otel.configure(service_name="shop", sources=["stdlib", "structlog"]) as handle:
        structlog.contextvars.bind_contextvars(request_id="r-1")
        place_order("o-1", 12.5)
        handle.flush(timeout=2)


if __name__ == "__main__":
    main()
