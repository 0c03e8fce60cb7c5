"""loguru, with `logging` sent to it as its documentation shows: each event arrives once, from where it was logged.

    python loguru_service.py

sends to http://localhost:4318, or to OTEL_EXPORTER_OTLP_ENDPOINT.
"""

from __future__ import annotations

import logging
import sys

from loguru import logger
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

import fapilog_otel


class InterceptHandler(logging.Handler):
    """Sends `logging` to loguru, so that the terminal shows both alike."""

    def emit(self, record: logging.LogRecord) -> None:
        logger.opt(depth=6, exception=record.exc_info).log(record.levelname, record.getMessage())


@logger.catch(message="payment failed")
def charge(order_id: str) -> None:
    raise TimeoutError(f"the bank does not answer about {order_id}")


def place_order(order_id: str) -> None:
    with trace.get_tracer("shop").start_as_current_span("place_order"), logger.contextualize(order_id=order_id):
        logger.success("order {} placed", order_id, total=12.5)
        logging.getLogger("shop.mail").warning("the mail server is slow")
        charge(order_id)


def main() -> None:
    trace.set_tracer_provider(TracerProvider())
    with fapilog_otel.configure(service_name="shop", sources=["stdlib", "loguru"]) as handle:
        logger.configure(handlers=[{"sink": sys.stderr, "format": "{level} {message}", "enqueue": True}])
        logging.basicConfig(handlers=[InterceptHandler()], level="INFO")
        place_order("o-1")
        logger.complete()
        handle.flush(timeout=2)


if __name__ == "__main__":
    main()
