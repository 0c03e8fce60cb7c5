"""Other logging libraries as subjects, each as its users set it up; only one of them is installed in the process.

Queues hold the whole run, as the SDK's does, so that nothing is lost and the same work is compared.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from benchmarks.compare.stock import build_provider, queue_size
from benchmarks.compare.subject import FLUSH_SECONDS, Subject
from benchmarks.compare.workload import BODY, LOGGER_NAME, ORDER_ID, PAID, REGION, SERVICE_NAME, TOTAL, own_logger

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.compare.variants import Variant

_NANOSECONDS: Final = 1_000_000_000
_POLL_SECONDS: Final = 0.001


def build_peer(variant: Variant, endpoint: str, records: int) -> Subject:
    """Set the library up.

    Args:
        variant: One of a peer's.
        endpoint: Base URL of the receiver.
        records: Records of the timed part, all of which its queue must hold.
    """
    builders: dict[str, Callable[[Variant, str, int], Subject]] = {
        "structlog": _structlog,
        "loguru": _loguru,
        "logfire": _logfire,
        "fapilog": _fapilog,
    }
    return builders[variant.library](variant, endpoint, records)


def _structlog(variant: Variant, endpoint: str, records: int) -> Subject:
    import structlog
    from opentelemetry.instrumentation.structlog import StructlogProcessor

    provider, processor = build_provider(variant, endpoint, records)

    def end(_logger: object, _method: str, _event: object) -> Any:
        raise structlog.DropEvent  # cheaper than any renderer and any stream

    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(),
            StructlogProcessor(logger_provider=provider),
            end,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(20),
        cache_logger_on_first_use=True,
    )
    packages = ("structlog", "opentelemetry-instrumentation-structlog", "opentelemetry-sdk")
    emit = own_logger(structlog.get_logger(LOGGER_NAME))
    return Subject(emit, processor.force_flush, dict, provider.shutdown, packages)


def _loguru(variant: Variant, endpoint: str, records: int) -> Subject:
    from loguru import logger
    from opentelemetry._logs import LogRecord, SeverityNumber

    provider, processor = build_provider(variant, endpoint, records)
    severities = {"DEBUG": SeverityNumber.DEBUG, "INFO": SeverityNumber.INFO, "ERROR": SeverityNumber.ERROR}
    otel = provider.get_logger(LOGGER_NAME)

    def sink(message: Any) -> None:
        record = message.record
        level = record["level"].name
        otel.emit(
            LogRecord(
                timestamp=int(record["time"].timestamp() * _NANOSECONDS),
                severity_number=severities[level],
                severity_text=level,
                body=record["message"],
                attributes=record["extra"],
            )
        )

    logger.remove()
    logger.add(sink, level="INFO", format="{message}")
    packages = ("loguru", "opentelemetry-sdk")
    return Subject(own_logger(logger), processor.force_flush, dict, provider.shutdown, packages)


def _logfire(variant: Variant, endpoint: str, records: int) -> Subject:
    import logfire
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    del variant
    processor = BatchSpanProcessor(
        OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces"), max_queue_size=queue_size(records)
    )
    logfire.configure(
        send_to_logfire=False,  # offline, no token
        console=False,
        metrics=False,
        service_name=SERVICE_NAME,
        additional_span_processors=[processor],
    )
    packages = ("logfire", "opentelemetry-sdk")
    return Subject(own_logger(logfire), processor.force_flush, dict, logfire.shutdown, packages)


class _NoSink:
    """A sink of fapilog's that keeps the count and the last event."""

    name = "nothing"

    def __init__(self) -> None:
        self.records = 0
        self.last: dict[str, Any] = {}

    async def start(self) -> None:
        """Open nothing."""

    async def stop(self) -> None:
        """Close nothing."""

    async def write(self, entry: dict[str, Any]) -> None:
        """Count it."""
        self.records += 1
        self.last = entry

    def kept(self) -> dict[str, Any]:
        """Give what was written, as the receiver would."""
        data = self.last.get("data", {})
        wanted = {"order_id": ORDER_ID, "total": TOTAL, "paid": PAID, "region": REGION}
        faults = [f"{key} is {data.get(key)!r}" for key, value in wanted.items() if data.get(key) != value]
        if self.last.get("message") != BODY:
            faults.append(f"the message is {self.last.get('message')!r}")
        return {"records": self.records, "requests": 0, "size": 0, "faults": faults}


def _fapilog(variant: Variant, endpoint: str, records: int) -> Subject:
    import fapilog

    del variant, endpoint
    sink = _NoSink()
    settings = fapilog.Settings(core={"max_queue_size": queue_size(records), "drop_on_full": False})
    log = fapilog.get_logger(LOGGER_NAME, settings=settings, sinks=[sink])
    written = 0
    write = own_logger(log)

    def emit(first: int, count: int) -> None:
        nonlocal written
        write(first, count)
        written += count

    def flush() -> bool:
        # It can only be drained once, at its end.
        deadline = time.monotonic() + FLUSH_SECONDS
        while sink.records < written and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
        return sink.records == written

    return Subject(emit, flush, dict, lambda: None, ("fapilog",), sink.kept)
