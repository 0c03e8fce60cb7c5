"""fapilog_otel as a subject."""

from __future__ import annotations

import atexit
import logging
import tempfile
from typing import TYPE_CHECKING, Any

import fapilog_otel as fo
from benchmarks.compare.subject import Subject
from benchmarks.compare.workload import LOGGER_NAME, SERVICE_NAME, api_logger, own_logger, stdlib_logger
from benchmarks.features import has_setting
from benchmarks.libraries import loguru_logger, structlog_logger
from fapilog_otel.encode.select import NATIVE
from fapilog_otel.pipeline import DEFAULT_STAGES

if TYPE_CHECKING:
    from benchmarks.compare.variants import Variant

_BLOCK_SECONDS = 60.0
_LIBRARIES = ("stdlib", "structlog", "loguru")


def build_ours(variant: Variant, endpoint: str, flush_seconds: float) -> Subject:
    """Configure the variant.

    Args:
        variant: One of ours.
        endpoint: Base URL of the receiver.
        flush_seconds: Limit of a flush.
    """
    if variant.native != NATIVE:
        raise RuntimeError(f"the {'native' if NATIVE else 'Python'} encoder is in use, not the one to be measured")
    given = _keywords(variant, endpoint)
    if variant.path == "processor":
        return _processor(given, flush_seconds)
    handle = fo.configure(**given)
    return Subject(
        emit=_emit(variant),
        flush=lambda: handle.flush(flush_seconds),
        stats=lambda: _numbers(handle.stats()),
        close=handle.shutdown,
    )


def _keywords(variant: Variant, endpoint: str) -> dict[str, Any]:
    given: dict[str, Any] = {
        "endpoint": endpoint,
        "protocol": "grpc" if variant.protocol == "grpc" else "http/protobuf",
        "compression": variant.compression,
        "service_name": SERVICE_NAME,
        "sources": [variant.path] if variant.path in _LIBRARIES else [],
        "code_attributes": variant.code_attributes,
        # Flat out, writing outruns any transport: the caller waits for room and nothing is dropped.
        "on_full": "block",
        "block_timeout": _BLOCK_SECONDS,
        "chunk_size": variant.request_bytes,
        "max_request_size": variant.request_bytes,
    }
    if variant.fast is not None and has_setting("fast_stdlib"):
        given["fast_stdlib"] = variant.fast
    if variant.spool:
        directory = tempfile.TemporaryDirectory()
        atexit.register(directory.cleanup)  # before configure() registers its own: it runs after that
        given["spool"] = f"{directory.name}/spool"
    if not variant.stages:
        given["without"] = list(DEFAULT_STAGES)
    return given


def _emit(variant: Variant) -> Any:
    if variant.path == "api":
        from opentelemetry._logs import get_logger

        return api_logger(get_logger(LOGGER_NAME))
    if variant.path == "stdlib":
        logging.getLogger().setLevel(logging.INFO)
        return stdlib_logger(logging.getLogger(LOGGER_NAME))
    if variant.path == "structlog":
        return own_logger(structlog_logger(LOGGER_NAME))  # the peer's chain, whose last processor drops the event
    if variant.path == "loguru":
        return own_logger(loguru_logger())  # no sink beside ours, as the peer has none beside its own
    return own_logger(fo.get_logger(LOGGER_NAME))


def _processor(given: dict[str, Any], flush_seconds: float) -> Subject:
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk.resources import Resource

    from fapilog_otel.settings import load_settings

    processor = fo.FapilogLogRecordProcessor(settings=load_settings(given))
    provider = LoggerProvider(resource=Resource.create({"service.name": SERVICE_NAME}))
    provider.add_log_record_processor(processor)
    return Subject(
        emit=api_logger(provider.get_logger(LOGGER_NAME)),
        flush=lambda: processor.force_flush(flush_seconds * 1000),
        stats=lambda: _numbers(processor.stats()),
        close=provider.shutdown,
    )


def _numbers(stats: fo.Stats) -> dict[str, Any]:
    return {
        "submitted": stats.submitted,
        "delivered": stats.delivered,
        "dropped": stats.dropped,
        "failed": stats.failed,
        "balanced": stats.balanced,
    }
