"""Python's own logging, every record tied to its trace; the terminal keeps showing what it always showed.

    python stdlib_logging.py

sends to http://localhost:4318, or to OTEL_EXPORTER_OTLP_ENDPOINT.
"""

from __future__ import annotations

import logging

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

import fapilog_otel

log = logging.getLogger("shop.cart")


def charge(order_id: str) -> None:
    raise TimeoutError(f"the bank does not answer about {order_id}")


def place_order(order_id: str, total: float) -> None:
    with trace.get_tracer("shop").start_as_current_span("place_order"):
        log.debug("pricing %s", order_id)  # goes to the collector alone: the root stays at WARNING
        log.info("order placed", extra={"order_id": order_id, "total": total, "otel.event.name": "order.placed"})
        try:
            charge(order_id)
        except TimeoutError:
            log.exception("payment of %s failed", order_id)


def main() -> None:
    trace.set_tracer_provider(TracerProvider())
    logging.basicConfig()
    with fapilog_otel.configure(service_name="shop", level="DEBUG") as handle:
        place_order("o-1", 12.5)
        handle.flush(timeout=2)
        print(handle.stats())


if __name__ == "__main__":
    main()
