"""An asyncio service: tasks keep their traces apart, and logging never blocks the loop.

    python asyncio_service.py

sends to http://localhost:4318, or to OTEL_EXPORTER_OTLP_ENDPOINT.
"""

from __future__ import annotations

import asyncio
import logging

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

import fapilog_otel as fo

log = fo.get_logger("shop.orders")


async def charge(order_id: str) -> None:
    await asyncio.sleep(0.01)
    logging.getLogger("shop.cards").info("card charged for %s", order_id)


async def handle_order(order_id: str) -> None:
    # Whatever is bound here is on every record of this task and of those that it starts, whoever writes them.
    with trace.get_tracer("shop").start_as_current_span("handle order"), fo.bound_context(order_id=order_id):
        await log.ainfo("order received")  # with on_full="block" this waits for room, and the loop goes on
        await asyncio.create_task(charge(order_id))
        log.info("order done")


async def main() -> None:
    trace.set_tracer_provider(TracerProvider())
    async with fo.configure(service_name="shop", on_full="block") as handle:
        await asyncio.gather(*(handle_order(f"o-{number}") for number in range(3)))
        await handle.aflush(timeout=2)
        print(handle.stats())


if __name__ == "__main__":
    asyncio.run(main())
