"""The stock OpenTelemetry SDK as a subject."""

from __future__ import annotations

import logging
import warnings
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk._logs import LoggerProvider, LogRecordProcessor
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource

from benchmarks.compare.subject import BURST, WARM_UP, Subject
from benchmarks.compare.workload import LOGGER_NAME, SERVICE_NAME, api_logger, stdlib_logger

if TYPE_CHECKING:
    from opentelemetry.sdk._logs.export import LogRecordExporter

    from benchmarks.compare.variants import Variant
    from benchmarks.compare.workload import Emit


def build_stock(variant: Variant, endpoint: str, records: int) -> Subject:
    """Set the SDK up: its own provider, batch processor and OTLP exporter, defaults but for the queue's size.

    Args:
        variant: One of the SDK's.
        endpoint: Base URL of the receiver.
        records: Records of the timed part, all of which the queue must hold, unless the variant says otherwise.
    """
    if variant.idle:
        return _idle(variant)
    provider, processor = build_provider(variant, endpoint, records)
    return Subject(
        emit=_emit(variant, provider),
        flush=processor.force_flush,
        stats=dict,
        close=provider.shutdown,
    )


class _Idle(LogRecordProcessor):
    """A processor that counts."""

    def __init__(self) -> None:
        self.records = 0

    def on_emit(self, log_record: object) -> None:  # noqa: ARG002 - the signature is the SDK's
        self.records += 1

    def shutdown(self) -> None:
        pass

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002 - the signature is the SDK's
        return True

    def kept(self) -> dict[str, Any]:
        """Give what was counted, as the receiver would."""
        return {"records": self.records, "requests": 0, "size": 0, "faults": []}


def _idle(variant: Variant) -> Subject:
    processor = _Idle()
    provider = LoggerProvider(resource=Resource.create({"service.name": SERVICE_NAME}))
    provider.add_log_record_processor(processor)
    return Subject(_emit(variant, provider), processor.force_flush, dict, provider.shutdown, kept=processor.kept)


def build_provider(variant: Variant, endpoint: str, records: int) -> tuple[LoggerProvider, BatchLogRecordProcessor]:
    """Give the SDK's provider and the processor to flush; see `build_stock`."""
    queue = variant.queue or queue_size(records)
    processor = BatchLogRecordProcessor(_exporter(variant, endpoint), max_queue_size=queue)
    provider = LoggerProvider(resource=Resource.create({"service.name": SERVICE_NAME}))
    provider.add_log_record_processor(processor)
    # "Queue full" is a warning a lost record; its cost would only make the SDK look worse.
    logging.getLogger("opentelemetry").setLevel(logging.ERROR)
    return provider, processor


def queue_size(records: int) -> int:
    """Give the records that a queue must hold so that nothing is lost, for so many in the timed part."""
    return max(records, WARM_UP, BURST) + 1


def _exporter(variant: Variant, endpoint: str) -> LogRecordExporter:
    if variant.protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcExporter

        return GrpcExporter(endpoint=endpoint, insecure=True)
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpExporter

    compression = Compression.Gzip if variant.compression == "gzip" else Compression.NoCompression
    return HttpExporter(endpoint=f"{endpoint}/v1/logs", compression=compression)


def _emit(variant: Variant, provider: Any) -> Emit:
    if variant.path == "api":
        return api_logger(provider.get_logger(LOGGER_NAME))
    from opentelemetry.sdk._logs import LoggingHandler

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        handler = LoggingHandler(logger_provider=provider)
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    root.addHandler(handler)
    return stdlib_logger(logging.getLogger(LOGGER_NAME))
