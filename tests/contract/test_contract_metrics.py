"""Metrics about ourselves, by OpenTelemetry's names, through the meter provider that a face is given."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry._logs import LogRecord
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource

import fapilog_otel as fo
from fapilog_otel.receiver import OtlpReceiver, Reply, Script
from fapilog_otel_exporters.memory import MemoryExporter
from tests.contract.faces_support import Closing, run_python

SWITCH = "OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED"


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> InMemoryMetricReader:
    monkeypatch.setenv(SWITCH, "true")
    return InMemoryMetricReader()


@pytest.fixture
def meters(reader: InMemoryMetricReader) -> Iterator[MeterProvider]:
    provider = MeterProvider(metric_readers=[reader])
    yield provider
    provider.shutdown()


def points(reader: InMemoryMetricReader, name: str) -> list[Any]:
    data = reader.get_metrics_data()
    if data is None:
        return []
    return [
        point
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.name == name
        for point in metric.data.data_points
    ]


def by_error(reader: InMemoryMetricReader, name: str) -> dict[str, float]:
    return {point.attributes.get("error.type", ""): point.value for point in points(reader, name)}


class TestProvider:
    def test_it_counts_what_is_logged(
        self, reader: InMemoryMetricReader, meters: MeterProvider, memory: MemoryExporter, closing: Closing
    ) -> None:
        settings = fo.Settings(exporters={"memory": memory}, level="INFO")
        provider = closing(fo.LoggerProvider(meter_provider=meters, settings=settings))
        logger: Any = provider.get_logger("shop")
        logger.info("one")
        logger.debug("below the level")
        assert [(point.value, dict(point.attributes)) for point in points(reader, "otel.sdk.log.created")] == [(1, {})]
        logger.info("two")
        assert provider.force_flush(5_000)
        assert points(reader, "otel.sdk.log.created")[0].value == 2
        assert by_error(reader, "otel.sdk.processor.log.processed") == {"": 2}
        assert by_error(reader, "otel.sdk.processor.log.queue.size") == {"": 0}

    def test_records_that_only_processors_saw_count_too(
        self, reader: InMemoryMetricReader, meters: MeterProvider, closing: Closing, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OTEL_LOGS_EXPORTER", "none")
        provider = closing(fo.LoggerProvider(meter_provider=meters))

        class Quiet:
            def on_emit(self, log_record: Any) -> None: ...

        provider.add_log_record_processor(Quiet())
        provider.get_logger("shop").emit(body="x")
        assert points(reader, "otel.sdk.log.created")[0].value == 1

    def test_an_instrument_does_not_keep_it_alive(
        self, reader: InMemoryMetricReader, meters: MeterProvider, memory: MemoryExporter
    ) -> None:
        provider = fo.LoggerProvider(meter_provider=meters, settings=fo.Settings(exporters={"memory": memory}))
        provider.shutdown()
        del provider
        gc.collect()
        assert points(reader, "otel.sdk.log.created") == []

    def test_as_in_the_sdk_there_are_none_without_the_switch(
        self, memory: MemoryExporter, closing: Closing, capsys: pytest.CaptureFixture[str]
    ) -> None:
        reader = InMemoryMetricReader()
        meters = MeterProvider(metric_readers=[reader])
        settings = fo.Settings(exporters={"memory": memory})
        provider = closing(fo.LoggerProvider(meter_provider=meters, settings=settings))
        provider.get_logger("shop").emit(body="x")
        assert reader.get_metrics_data() is None
        meters.shutdown()

    def test_that_is_said(self) -> None:
        assert run_python("""
            import io, json, sys
            sys.stderr = io.StringIO()
            import fapilog_otel as fo
            from opentelemetry.sdk.metrics import MeterProvider
            fo.LoggerProvider(meter_provider=MeterProvider()).shutdown()
            print(json.dumps("OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED" in sys.stderr.getvalue()))
            """)


class TestProcessor:
    def test_what_comes_after_shutdown_has_the_sdks_word_for_it(
        self, reader: InMemoryMetricReader, meters: MeterProvider, memory: MemoryExporter
    ) -> None:
        processor = fo.FapilogLogRecordProcessor(memory, meter_provider=meters, max_queue_size=50)
        record = ReadableLogRecord(LogRecord(body="x"), Resource({}))
        processor.on_emit(record)
        processor.shutdown()
        processor.on_emit(record)
        assert by_error(reader, "otel.sdk.processor.log.processed") == {"": 1, "already_shutdown": 1}
        (capacity,) = points(reader, "otel.sdk.processor.log.queue.capacity")
        assert capacity.value == 50
        assert capacity.attributes["otel.component.type"] == "batching_log_processor"
        assert capacity.attributes["otel.component.name"].startswith("batching_log_processor/")


class TestExporter:
    def test_it_counts_records_by_outcome_and_times_exports(
        self, reader: InMemoryMetricReader, meters: MeterProvider, receiver: OtlpReceiver, closing: Closing
    ) -> None:
        receiver.script = Script([Reply(), Reply(status=400)])
        exporter = closing(fo.FapilogLogRecordExporter(receiver.http_endpoint + "/v1/logs", meter_provider=meters))
        batch = [ReadableLogRecord(LogRecord(body="x"), Resource({}))] * 3
        exporter.export(batch)
        exporter.export(batch[:1])
        assert by_error(reader, "otel.sdk.exporter.log.exported") == {"": 3, "http_400": 1}
        assert by_error(reader, "otel.sdk.exporter.log.inflight") == {"": 0}
        durations = {
            point.attributes.get("error.type", ""): point
            for point in points(reader, "otel.sdk.exporter.operation.duration")
        }
        assert {reason: point.count for reason, point in durations.items()} == {"": 1, "http_400": 1}
        assert durations["http_400"].attributes["http.response.status_code"] == 400
        attributes = durations[""].attributes
        assert attributes["otel.component.type"] == "otlp_http_log_exporter"
        assert (attributes["server.address"], attributes["server.port"]) == (
            "127.0.0.1", int(receiver.http_endpoint.rsplit(":", 1)[1]),
        )  # fmt: skip
