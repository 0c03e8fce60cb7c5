"""``FapilogLogRecordProcessor`` stands where the stock batch processor stands."""

from __future__ import annotations

import gc
import inspect
import os
import time
import weakref
from typing import Any

import pytest
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider as SdkLoggerProvider
from opentelemetry.sdk._logs import LogRecordProcessor, ReadableLogRecord, ReadWriteLogRecord
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExportResult
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

import fapilog_otel as fo
from fapilog_otel.errors import ConfigError
from fapilog_otel.receiver import OtlpReceiver, Reply, Script
from fapilog_otel_exporters.memory import MemoryExporter
from tests.contract.faces_support import TRACER, Closing, KeepingExporter, until

RESOURCE = Resource({"service.name": "shop"}, "https://resource")


def under_stock(processor: fo.FapilogLogRecordProcessor) -> Any:
    """Give a logger of a stock SDK provider with the processor under it."""
    provider = SdkLoggerProvider(RESOURCE, shutdown_on_exit=False)
    provider.add_log_record_processor(processor)
    return provider.get_logger("cart", "1.0", "https://scope", {"team": "a"})


class TestAsAnSdkProcessor:
    def test_it_is_one(self) -> None:
        assert issubclass(fo.FapilogLogRecordProcessor, LogRecordProcessor)

    def test_it_takes_the_batch_processors_parameters_and_ours_by_keyword(self) -> None:
        ours = list(inspect.signature(fo.FapilogLogRecordProcessor).parameters.values())
        stock = list(inspect.signature(BatchLogRecordProcessor).parameters.values())
        assert [(one.name, one.kind) for one in ours[: len(stock)]] == [(one.name, one.kind) for one in stock]
        assert all(one.kind is inspect.Parameter.KEYWORD_ONLY for one in ours[len(stock) :])
        assert [one.default for one in ours[1 : len(stock)]] == [one.default for one in stock[1:]]

    def test_it_delivers_a_stock_providers_records(self, receiver: OtlpReceiver, closing: Closing) -> None:
        processor = closing(fo.FapilogLogRecordProcessor(settings=fo.Settings(endpoint=receiver.http_endpoint)))
        with TRACER.start_as_current_span("work") as span:
            under_stock(processor).emit(
                timestamp=5, severity_number=SeverityNumber.WARN, severity_text="WARN", body={"a": 1},
                attributes={"password": "hunter2", "k": [1, 2]}, event_name="e", exception=ValueError("boom"),
            )  # fmt: skip
        assert processor.force_flush(5_000) is True
        (log,) = receiver.logs
        assert (log.timestamp, log.severity_number, log.severity_text, log.body, log.event_name) == (
            5, 13, "WARN", {"a": 1}, "e",
        )  # fmt: skip
        assert log.attributes["password"] == "***"
        assert log.attributes["k"] == [1, 2]
        assert log.attributes["exception.message"] == "boom"
        assert int(log.span_id, 16) == span.get_span_context().span_id
        assert (log.resource, log.resource_schema_url) == ({"service.name": "shop"}, "https://resource")
        assert (log.scope.name, log.scope.version, log.scope.schema_url) == ("cart", "1.0", "https://scope")
        assert log.scope.attributes == {"team": "a"}

    def test_the_record_that_others_share_is_left_alone(self, closing: Closing, memory: MemoryExporter) -> None:
        processor = closing(fo.FapilogLogRecordProcessor(memory))
        record = ReadWriteLogRecord(LogRecord(body={"token": "t"}, attributes={"password": "hunter2"}), RESOURCE)
        processor.on_emit(record)
        assert processor.force_flush(5_000)
        assert dict(record.log_record.attributes or {}) == {"password": "hunter2"}
        assert record.log_record.body == {"token": "t"}

    def test_limits_that_the_sdk_applied_are_counted_on(self, closing: Closing, memory: MemoryExporter) -> None:
        from opentelemetry.sdk._logs import LogRecordLimits

        processor = closing(fo.FapilogLogRecordProcessor(memory))
        limits = LogRecordLimits(max_log_record_attributes=1)
        with pytest.warns(UserWarning, match="dropped"):
            record = ReadWriteLogRecord(LogRecord(attributes={"a": 1, "b": 2, "c": 3}), RESOURCE, limits=limits)
        processor.on_emit(record)
        assert processor.force_flush(5_000)
        assert memory.records[0].dropped_attributes_count == 2

    @pytest.mark.parametrize("odd", [None, object(), "text", LogRecord(body="bare")])
    def test_whatever_is_emitted_nothing_is_raised(self, closing: Closing, memory: MemoryExporter, odd: Any) -> None:
        closing(fo.FapilogLogRecordProcessor(memory)).on_emit(odd)

    def test_enabled_answers_by_level_and_shutdown(self, memory: MemoryExporter) -> None:
        processor = fo.FapilogLogRecordProcessor(memory, settings=fo.Settings(level="WARNING"))
        logger = under_stock(processor)
        assert logger.enabled(severity_number=SeverityNumber.ERROR)
        assert not logger.enabled(severity_number=SeverityNumber.INFO)
        logger.emit(severity_number=SeverityNumber.INFO, body="below")
        logger.emit(severity_number=SeverityNumber.ERROR, body="above")
        processor.shutdown()
        assert [record.body for record in memory.records] == ["above"]
        assert not logger.enabled(severity_number=SeverityNumber.ERROR)

    def test_secrets_in_the_stock_providers_resource_and_scope_are_redacted(
        self, receiver: OtlpReceiver, closing: Closing
    ) -> None:
        processor = closing(fo.FapilogLogRecordProcessor(settings=fo.Settings(endpoint=receiver.http_endpoint)))
        resource = Resource({"db.password": "hunter2", "service.name": "shop"})
        stock = SdkLoggerProvider(resource, shutdown_on_exit=False)
        stock.add_log_record_processor(processor)
        stock.get_logger("cart", attributes={"api_key": "hunter2"}).emit(LogRecord(body="x"))
        assert processor.force_flush(5_000) is True
        (log,) = receiver.logs
        assert (log.resource["db.password"], log.scope.attributes) == ("***", {"api_key": "***"})
        assert resource.attributes["db.password"] == "hunter2"


class TestWithAnSdkExporter:
    def test_it_gets_faithful_readable_records(self, closing: Closing) -> None:
        exporter = KeepingExporter()
        processor = closing(fo.FapilogLogRecordProcessor(exporter))
        logger = under_stock(processor)
        body = {"s": "x", "i": 1, "f": 1.5, "b": True, "n": None, "y": b"\x00", "l": [1, "a"], "d": {"k": "v"}}
        with TRACER.start_as_current_span("work") as span:
            logger.emit(
                timestamp=5, observed_timestamp=6, severity_number=SeverityNumber.FATAL2, severity_text="AUDIT",
                body=body, attributes={**body, "big": 2**62}, event_name="e",
            )  # fmt: skip
        assert processor.force_flush(5_000)
        (record,) = exporter.records
        assert isinstance(record, ReadableLogRecord)
        log = record.log_record
        assert (log.timestamp, log.observed_timestamp) == (5, 6)
        assert (log.severity_number, log.severity_text, log.event_name) == (SeverityNumber.FATAL2, "AUDIT", "e")
        assert log.body == body
        assert [type(value) for value in log.body.values()] == [type(value) for value in body.values()]
        assert dict(log.attributes) == {**body, "l": (1, "a"), "big": 2**62}
        context = span.get_span_context()
        assert (log.trace_id, log.span_id, log.trace_flags) == (context.trace_id, context.span_id, context.trace_flags)
        assert record.resource is RESOURCE
        assert record.instrumentation_scope == InstrumentationScope("cart", "1.0", "https://scope", {"team": "a"})

    def test_a_failure_of_it_is_a_false_flush(self, closing: Closing) -> None:
        processor = closing(fo.FapilogLogRecordProcessor(KeepingExporter(LogRecordExportResult.FAILURE)))
        under_stock(processor).emit(body="x")
        assert processor.force_flush(5_000) is False
        assert processor.stats().failed == 1

    def test_it_is_shut_down_once(self) -> None:
        exporter = KeepingExporter()
        processor = fo.FapilogLogRecordProcessor(exporter)
        under_stock(processor).emit(body="x")
        processor.shutdown()
        processor.shutdown()
        assert (len(exporter.records), exporter.shutdowns) == (1, 1)

    @pytest.mark.parametrize("odd", [object(), "otlp", KeepingExporter])
    def test_what_cannot_export_is_refused(self, odd: Any) -> None:
        with pytest.raises(ConfigError, match="exporter"):
            fo.FapilogLogRecordProcessor(odd)


class TestParameters:
    @pytest.mark.parametrize(
        "name", ["schedule_delay_millis", "max_export_batch_size", "export_timeout_millis", "max_queue_size"]
    )
    @pytest.mark.parametrize("value", [0, -1, float("nan"), "5", True])
    def test_what_is_no_positive_number_is_refused(self, name: str, value: Any) -> None:
        with pytest.raises(ValueError, match=name):
            fo.FapilogLogRecordProcessor(KeepingExporter(), **{name: value})

    def test_a_batch_larger_than_the_queue_is_refused(self) -> None:
        with pytest.raises(ConfigError, match="max_export_batch_size"):
            fo.FapilogLogRecordProcessor(KeepingExporter(), max_queue_size=100, max_export_batch_size=101)

    def test_the_batch_size_bounds_requests_and_a_full_batch_goes_at_once(self, closing: Closing) -> None:
        exporter = KeepingExporter()
        processor = closing(
            fo.FapilogLogRecordProcessor(exporter, schedule_delay_millis=60_000, max_export_batch_size=5)
        )
        logger = under_stock(processor)
        for number in range(12):
            logger.emit(body=number)
        until(lambda: len(exporter.batches) >= 2)
        assert processor.force_flush(5_000)
        assert [len(batch) for batch in exporter.batches] == [5, 5, 2]

    def test_the_delay_sends_what_waits(self, closing: Closing) -> None:
        exporter = KeepingExporter()
        processor = closing(fo.FapilogLogRecordProcessor(exporter, schedule_delay_millis=50))
        under_stock(processor).emit(body="x")
        until(lambda: exporter.records)

    def test_the_environment_sets_them_too(self, closing: Closing, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OTEL_BLRP_SCHEDULE_DELAY", "50")
        monkeypatch.setenv("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "2")
        exporter = KeepingExporter()
        processor = closing(fo.FapilogLogRecordProcessor(exporter))
        logger = under_stock(processor)
        for number in range(3):
            logger.emit(body=number)
        until(lambda: len(exporter.records) == 3)
        assert max(map(len, exporter.batches)) == 2

    def test_a_queue_bound_drops_and_counts(self, receiver: OtlpReceiver) -> None:
        receiver.script = Script(then=Reply(status=503))
        settings = fo.Settings(endpoint=receiver.http_endpoint, shutdown_timeout=0.3)
        processor = fo.FapilogLogRecordProcessor(max_queue_size=10, settings=settings)
        logger = under_stock(processor)
        for number in range(30):
            logger.emit(body=number, severity_number=SeverityNumber.INFO)
        stats = processor.stats()
        assert stats.submitted == 30
        assert stats.in_flight <= 10
        assert stats.dropped_by_reason["queue_full"] >= 20
        assert stats.balanced
        processor.shutdown()

    def test_without_an_exporter_none_in_the_environment_exports_nothing(
        self, closing: Closing, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OTEL_LOGS_EXPORTER", "none")
        processor = closing(fo.FapilogLogRecordProcessor())
        under_stock(processor).emit(body="x")
        assert processor.force_flush(1_000) is True


class TestDeadlines:
    def test_a_flush_ends_with_its_timeout(self, receiver: OtlpReceiver, closing: Closing) -> None:
        receiver.script = Script(then=Reply(delay=30))
        settings = fo.Settings(endpoint=receiver.http_endpoint, shutdown_timeout=0.2)
        processor = closing(fo.FapilogLogRecordProcessor(export_timeout_millis=200, settings=settings))
        under_stock(processor).emit(body="x")
        for timeout in (None, 200):
            started = time.monotonic()
            assert processor.force_flush(timeout) is False
            assert time.monotonic() - started < 1.0

    def test_a_shutdown_ends_with_its_timeout_and_loses_nothing_uncounted(self, receiver: OtlpReceiver) -> None:
        receiver.script = Script(then=Reply(delay=30))
        settings = fo.Settings(endpoint=receiver.http_endpoint, shutdown_timeout=0.3)
        processor = fo.FapilogLogRecordProcessor(settings=settings)
        under_stock(processor).emit(body="x")
        started = time.monotonic()
        processor.shutdown()
        assert time.monotonic() - started < 1.5
        stats = processor.stats()
        assert (stats.submitted, stats.delivered, stats.in_flight, stats.balanced) == (1, 0, 0, True)

    def test_afterwards_everything_is_a_no_op(self) -> None:
        exporter = KeepingExporter()
        processor = fo.FapilogLogRecordProcessor(exporter)
        logger = under_stock(processor)
        processor.shutdown()
        logger.emit(body="late")
        assert processor.force_flush() is False
        assert exporter.records == []
        assert processor.stats().dropped_by_reason == {"shutdown": 1}


class TestMemory:
    @pytest.mark.parametrize("kind", ["ours", "sdk", "settings"])
    def test_it_is_collected_after_shutdown(self, receiver: OtlpReceiver, kind: str) -> None:
        exporters = {"ours": MemoryExporter(), "sdk": KeepingExporter(), "settings": None}
        processor = fo.FapilogLogRecordProcessor(exporters[kind], settings=fo.Settings(endpoint=receiver.http_endpoint))
        under_stock(processor).emit(body="x")
        processor.shutdown()
        gone = weakref.ref(processor)
        del processor
        gc.collect()
        assert gone() is None

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform has no fork")
    def test_a_fork_after_that_is_harmless(self, memory: MemoryExporter) -> None:
        processor = fo.FapilogLogRecordProcessor(memory)
        processor.shutdown()
        del processor
        gc.collect()
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0

    def test_a_record_is_not_kept(self, closing: Closing) -> None:
        exporter = KeepingExporter()
        processor = closing(fo.FapilogLogRecordProcessor(exporter, schedule_delay_millis=60_000))
        record = ReadWriteLogRecord(LogRecord(body="x", attributes={"k": "v"}), RESOURCE)
        processor.on_emit(record)
        gone = weakref.ref(record.log_record)
        del record
        gc.collect()
        assert gone() is None


class TestFork:
    @pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform has no fork")
    def test_each_side_delivers_its_own_records_once(self, receiver: OtlpReceiver, closing: Closing) -> None:
        processor = closing(fo.FapilogLogRecordProcessor(settings=fo.Settings(endpoint=receiver.http_endpoint)))
        logger = under_stock(processor)
        logger.emit(body="parent")
        pid = os.fork()
        if pid == 0:
            logger.emit(body="child")
            os._exit(0 if processor.force_flush(5_000) else 1)
        assert os.waitpid(pid, 0)[1] == 0
        assert processor.force_flush(5_000)
        assert sorted(str(log.body) for log in receiver.logs) == ["child", "parent"]
