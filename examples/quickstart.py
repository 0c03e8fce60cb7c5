"""The shortest way: configure once, and every log carries the trace that it was written in.

    python quickstart.py

sends to http://localhost:4318, or to OTEL_EXPORTER_OTLP_ENDPOINT. Without a collector about it says so.
"""

from __future__ import annotations

import logging

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

import fapilog_otel as fo

log = fo.get_logger("shop.cart")  # loggers may be made before configure()


def charge() -> None:
    raise TimeoutError("the bank does not answer")


def place_order(order_id: str, total: float) -> None:
    with trace.get_tracer("shop").start_as_current_span("place order"):
        log.info("order placed", order_id=order_id, total=total)
        logging.getLogger("shop.mail").warning("the mail server is slow")  # stdlib logging is captured too
        try:
            charge()
        except TimeoutError:
            log.exception("payment failed", order_id=order_id, card_number="4111 1111 1111 1111")  # masked on its way


def main() -> None:
    trace.set_tracer_provider(TracerProvider())
    logging.getLogger("shop").addHandler(logging.NullHandler())  # nothing on this terminal but what is printed below
    with fo.configure(service_name="shop", shutdown_timeout=1) as handle:
        place_order("o-1", 12.5)
        delivered = handle.flush(timeout=2)
        stats = handle.stats()
    if delivered:
        print(f"{stats.delivered} of {stats.submitted} records were delivered.")
    else:
        print(f"{stats.delivered} of {stats.submitted} records were delivered: nobody answers.")
        print("Start a collector, or see it work without one: fapilog-otel demo")


if __name__ == "__main__":
    main()
