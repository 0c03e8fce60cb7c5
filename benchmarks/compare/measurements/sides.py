"""Ours and the SDK, set up for a measurement that is not about throughput: defaults, unless a setting is given."""

from __future__ import annotations

import logging
import tempfile
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from benchmarks.compare.workload import (
    BODY,
    LOGGER_NAME,
    ORDER_ID,
    PAID,
    REGION,
    SERVICE_NAME,
    TOTAL,
    api_logger,
    own_logger,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.compare.workload import Emit

SIDES: Final = ("sdk", "ours")
SPOOLED: Final = "spool"
TITLES: Final = {
    "sdk": "SDK `Logger.emit` → `BatchLogRecordProcessor`",
    "ours": "our logger",
    SPOOLED: "our logger, every request on disk first",
}
FLUSH_SECONDS: Final = 120.0


@dataclass(frozen=True, slots=True)
class Side:
    """A configured library.

    Args:
        emit: Writes so many records, numbered from a first one.
        call: Writes one record of a number.
        flush: Delivers all that is pending; tells whether it did.
        stats: What the library itself says it did; empty: it says nothing.
        close: Ends it.
    """

    emit: Emit
    call: Callable[[int], object]
    flush: Callable[[], bool]
    stats: Callable[[], dict[str, Any]]
    close: Callable[[], object]


def open_side(name: str, endpoint: str, queue: int | None = None, **settings: object) -> Side:
    """Set one side up over OTLP/HTTP.

    Args:
        name: ``ours``, ``spool`` (ours with the durable spool) or ``sdk``.
        endpoint: Base URL of the receiver.
        queue: Records that the SDK's queue may hold; None: its default.
        **settings: Of ours.
    """
    if name == SPOOLED:
        directory = tempfile.TemporaryDirectory()
        return _ours(endpoint, {**settings, "spool": f"{directory.name}/spool"}, directory.cleanup)
    return _ours(endpoint, settings) if name == "ours" else _sdk(endpoint, queue)


def _ours(endpoint: str, settings: dict[str, Any], after: Callable[[], object] = lambda: None) -> Side:
    import fapilog_otel as fo

    if "exporters" not in settings:
        settings["endpoint"] = endpoint
    handle = fo.configure(service_name=SERVICE_NAME, sources=[], **settings)
    log = fo.get_logger(LOGGER_NAME)
    info = log.info

    def call(number: int) -> None:
        info(BODY, order_id=ORDER_ID, number=number, total=TOTAL, paid=PAID, region=REGION)

    return Side(
        emit=own_logger(log),
        call=call,
        flush=lambda: handle.flush(FLUSH_SECONDS),
        stats=lambda: account(handle.stats()),
        close=lambda: (handle.shutdown(1.0), after()),
    )


def _sdk(endpoint: str, queue: int | None) -> Side:
    from opentelemetry._logs import SeverityNumber
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
    from opentelemetry.sdk.resources import Resource

    logging.getLogger("opentelemetry").setLevel(logging.ERROR)  # a warning a lost record would only slow it down
    processor = BatchLogRecordProcessor(OTLPLogExporter(endpoint=f"{endpoint}/v1/logs"), max_queue_size=queue)
    provider = LoggerProvider(resource=Resource.create({"service.name": SERVICE_NAME}))
    provider.add_log_record_processor(processor)
    log = provider.get_logger(LOGGER_NAME)
    emit, now, severity = log.emit, time.time_ns, SeverityNumber.INFO

    def call(number: int) -> None:
        emit(
            timestamp=now(),
            severity_number=severity,
            severity_text="INFO",
            body=BODY,
            attributes={"order_id": ORDER_ID, "number": number, "total": TOTAL, "paid": PAID, "region": REGION},
        )

    return Side(api_logger(log), call, processor.force_flush, dict, provider.shutdown)


def account(stats: Any) -> dict[str, Any]:
    """Give the counters of ours for JSON."""
    names = ("submitted", "delivered", "filtered", "dropped", "failed", "in_flight", "balanced")
    return {name: getattr(stats, name) for name in names}
