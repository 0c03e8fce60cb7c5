"""The child of the scaling curve: one input, on one side."""

from __future__ import annotations

import gc
import logging
import threading
import time
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Final

from benchmarks.compare.measurements import child
from benchmarks.compare.measurements.scaling_points import KIB, Point
from benchmarks.compare.measurements.sides import account
from benchmarks.compare.workload import LOGGER_NAME, SERVICE_NAME

if TYPE_CHECKING:
    from collections.abc import Callable

_WARM_UP_SHARE: Final = 10
_WAIT_SECONDS: Final = 120.0
_LEAST_QUEUE: Final = 2_048
_ATTRIBUTES: Final = 2_000
"""Allowed a record on both sides, whose default is 128: the widest input has 1 000."""
_LARGE: Final = "x" * (64 * KIB)


def main(side: str, endpoint: str, records: int, point: dict[str, Any]) -> dict[str, Any]:
    """Log one input and tell what it took.

    Args:
        side: ``ours`` or ``sdk``.
        endpoint: Base URL of the receiver, the one of every destination.
        records: Records of the timed part.
        point: The fields of a `Point`.
    """
    where = Point(**point)
    warm_up = max(records // _WARM_UP_SHARE, 1) // where.threads * where.threads or where.threads
    build = _ours if side == "ours" else _sdk
    write, flush, stats, close = build(where, endpoint, records)
    found: dict[str, Any] = {"records": records, "written": records + warm_up}
    with child.span(found):
        _log(where, write, warm_up)
        flushed = flush()
        gc.collect()
        cpu, begun = time.process_time(), time.perf_counter()
        _log(where, write, records)
        found["flushed"] = flush() and flushed
        found["elapsed_s"] = time.perf_counter() - begun
        found["cpu_s"] = time.process_time() - cpu
    found["large"] = sum(_large(where, count) for count in (warm_up, records))
    found["stats"] = stats()
    close()
    return found


def _large(point: Point, count: int) -> int:
    """Give how many of so many records have the large body; each thread counts its own."""
    each = count // point.threads
    return point.threads * len(range(0, each, point.large_every)) if point.large_every else 0


def _log(point: Point, write: Callable[[object, dict[str, Any]], object], count: int) -> None:
    body: object = b"\xff" * point.body if point.binary else "x" * point.body
    attributes = _attributes(point.attributes)

    def run(each: int) -> None:
        if not point.large_every:
            for _ in range(each):
                write(body, attributes)
            return
        for index in range(each):
            write(body if index % point.large_every else _LARGE, attributes)

    if point.threads == 1:
        run(count)
        return
    # A thread starts in an empty context: it is given this one's span.
    threads = [
        threading.Thread(target=copy_context().run, args=(run, count // point.threads)) for _ in range(point.threads)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _attributes(count: int) -> dict[str, Any]:
    kinds = ("o-17423", 100_123, 12.5, True, "eu-west-1")
    return {f"key{index}": kinds[index % len(kinds)] for index in range(count)}


def _ours(point: Point, endpoint: str, records: int) -> tuple[Any, Any, Any, Any]:
    import fapilog_otel as fo

    del records
    one = {"type": "otlp_http", "endpoint": endpoint}
    handle = fo.configure(
        exporters={f"d{index}": one for index in range(point.destinations)},
        service_name=SERVICE_NAME,
        sources=[],
        on_full="block",
        block_timeout=_WAIT_SECONDS,
        limits={"attributes": _ATTRIBUTES, "value_length": None},
    )
    info = fo.get_logger(LOGGER_NAME).info

    def write(body: Any, attributes: dict[str, Any]) -> None:
        info(body, **attributes)

    return write, lambda: handle.flush(_WAIT_SECONDS), lambda: account(handle.stats()), lambda: handle.shutdown(1.0)


def _sdk(point: Point, endpoint: str, records: int) -> tuple[Any, Any, Any, Any]:
    from opentelemetry._logs import SeverityNumber
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.sdk._logs import LoggerProvider, LogRecordLimits
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
    from opentelemetry.sdk.resources import Resource

    logging.getLogger("opentelemetry").setLevel(logging.ERROR)
    provider = LoggerProvider(
        resource=Resource.create({"service.name": SERVICE_NAME}),
        log_record_limits=LogRecordLimits(max_attributes=_ATTRIBUTES),
    )
    processors = []
    for _ in range(point.destinations):
        exporter = OTLPLogExporter(endpoint=f"{endpoint}/v1/logs")
        processors.append(BatchLogRecordProcessor(exporter, max_queue_size=max(records, _LEAST_QUEUE)))
        provider.add_log_record_processor(processors[-1])
    emit, now = provider.get_logger(LOGGER_NAME).emit, time.time_ns

    def write(body: Any, attributes: dict[str, Any]) -> None:
        emit(
            timestamp=now(),
            severity_number=SeverityNumber.INFO,
            severity_text="INFO",
            body=body,
            attributes=attributes,
        )

    def flush() -> bool:
        done = [processor.force_flush() for processor in processors]
        return all(done)

    return write, flush, dict, provider.shutdown


if __name__ == "__main__":
    child.answer(main)
