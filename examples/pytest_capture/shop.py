"""The application under test: it knows nothing of tests."""

from __future__ import annotations

import logging

from opentelemetry import trace

import fapilog_otel as fo

log = fo.get_logger("shop.cart")


def place_order(order_id: str, total: float) -> None:
    with trace.get_tracer("shop").start_as_current_span("place order"):
        log.info("order placed", order_id=order_id, total=total)
        if total > 100:
            logging.getLogger("shop.fraud").warning("large order %s", order_id)


async def confirm(order_id: str) -> None:
    await log.ainfo("order confirmed", order_id=order_id, email="customer@example.org", password="hunter2")


def main() -> None:
    """Run the application, with its own configuration."""
    with fo.configure(endpoint="http://collector.example:4318", service_name="shop", level="DEBUG"):
        log.debug("starting")
        place_order("o-1", 12.5)
