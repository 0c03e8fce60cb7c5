"""Stages of one's own: one on the thread that logs, one on the pipeline's event loop, where it may wait.

    python custom_stage.py

sends to http://localhost:4318, or to OTEL_EXPORTER_OTLP_ENDPOINT.
"""

from __future__ import annotations

import asyncio
from typing import Literal

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

import fapilog_otel as fo


class DropHealthChecks:
    """An inline filter: cheap, no I/O. None leaves the record out, and it is counted as filtered."""

    name = "drop_health_checks"
    phase: Literal["filter"] = "filter"
    inline = True

    def __call__(self, record: fo.Record) -> fo.Record | None:
        return None if record.attributes.get("path") == "/health" else record


class AddTenant:
    """A deferred enricher: it looks something up, and the thread that logged does not wait for it."""

    name = "add_tenant"
    phase: Literal["enrich"] = "enrich"
    inline = False

    async def __call__(self, record: fo.Record) -> fo.Record:
        await asyncio.sleep(0.01)  # a database, say
        return record.with_attributes({"tenant": "tea lovers"})


def main() -> None:
    trace.set_tracer_provider(TracerProvider())
    log = fo.get_logger("shop.web")
    with fo.configure(service_name="shop", stages=[DropHealthChecks(), AddTenant()]) as handle:
        with trace.get_tracer("shop").start_as_current_span("GET /cart"):
            log.info("request", path="/health")
            log.info("request", path="/cart")
        handle.flush(timeout=2)
        stats = handle.stats()
        print(f"delivered {stats.delivered}, filtered {stats.filtered}")


if __name__ == "__main__":
    main()
