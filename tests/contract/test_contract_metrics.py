"""Metrics about ourselves, by OpenTelemetry's names, through the meter provider that a face is given."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry._logs import LogRecord
from opentelemetry.sdk._logs import LoggerProvider, ReadableLogRecord
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource

import fapilog_otel as fo
from fapilog_otel.provider.exporter_metrics import server
from fapilog_otel.receiver import GrpcStatus, OtlpReceiver, Reply, Script
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


def exported(reader: InMemoryMetricReader, name: str, metric: str = "exported") -> dict[str, float]:
    found = points(reader, f"otel.sdk.exporter.log.{metric}")
    mine = [point for point in found if point.attributes["fapilog_otel.destination"] == name]
    return {point.attributes.get("error.type", ""): point.value for point in mine}


class TestDestinations:
    def test_of_a_provider_each_count_what_they_exported(
        self, reader: InMemoryMetricReader, meters: MeterProvider, receiver: OtlpReceiver, closing: Closing
    ) -> None:
        receiver.script = Script([Reply(), Reply(rejected=1), Reply(status=400)])
        exporters = {
            "main": {"type": "otlp_http", "endpoint": receiver.http_endpoint},
            "errors": {"type": "memory", "level": "ERROR"},
        }
        settings = fo.Settings(exporters=exporters, level="INFO", max_queue_size=500)
        provider = closing(fo.LoggerProvider(meter_provider=meters, settings=settings))
        logger: Any = provider.get_logger("shop")
        for _ in range(3):
            logger.info("one")
            logger.error("two")
            provider.force_flush(5_000)
        stats = provider.stats()
        assert exported(reader, "main") == {"": 3, "rejected": 1, "http_400": 2}
        assert exported(reader, "main") == {
            "": stats.destinations["main"].delivered, **stats.destinations["main"].failed_by_reason,
        }  # fmt: skip
        assert exported(reader, "errors") == {"": 3}
        assert exported(reader, "main", "inflight") == exported(reader, "errors", "inflight") == {"": 0}
        (capacity,) = points(reader, "otel.sdk.processor.log.queue.capacity")
        assert capacity.value == 500

    def test_have_the_attributes_of_the_conventions(
        self, reader: InMemoryMetricReader, meters: MeterProvider, receiver: OtlpReceiver, closing: Closing
    ) -> None:
        receiver.script = Script([Reply(), Reply(rejected=1), Reply(status=400)])
        exporters = {"main": {"type": "otlp_http", "endpoint": receiver.http_endpoint, "protocol": "http/json"}}
        provider = closing(fo.LoggerProvider(meter_provider=meters, settings=fo.Settings(exporters=exporters)))
        for _ in range(3):
            provider.get_logger("shop").emit(body="x")
            provider.force_flush(5_000)
        durations = {
            point.attributes.get("error.type", ""): point
            for point in points(reader, "otel.sdk.exporter.operation.duration")
        }
        assert {reason: point.count for reason, point in durations.items()} == {"": 1, "rejected": 1, "http_400": 1}
        assert all(point.sum > 0 for point in durations.values())
        statuses = {reason: point.attributes["http.response.status_code"] for reason, point in durations.items()}
        assert statuses == {"": 200, "rejected": 200, "http_400": 400}
        port = int(receiver.http_endpoint.rsplit(":", 1)[1])
        for metric in ("operation.duration", "log.exported", "log.inflight"):
            for point in points(reader, f"otel.sdk.exporter.{metric}"):
                assert point.attributes["otel.component.type"] == "otlp_http_json_log_exporter"
                assert point.attributes["otel.component.name"].startswith("otlp_http_json_log_exporter/")
                assert (point.attributes["server.address"], point.attributes["server.port"]) == ("127.0.0.1", port)
        assert len({point.attributes["otel.component.name"] for point in durations.values()}) == 1

    def test_over_grpc_tell_the_status_by_its_name(
        self, reader: InMemoryMetricReader, meters: MeterProvider, closing: Closing
    ) -> None:
        with OtlpReceiver(http_port=None, grpc_port=0) as receiver:
            receiver.script = Script([Reply(), Reply(grpc=GrpcStatus(code="INVALID_ARGUMENT"))])
            exporters = {"main": {"type": "otlp_grpc", "endpoint": receiver.grpc_endpoint}}
            provider = closing(fo.LoggerProvider(meter_provider=meters, settings=fo.Settings(exporters=exporters)))
            for _ in range(2):
                provider.get_logger("shop").emit(body="x")
                provider.force_flush(5_000)
            found = {
                point.attributes.get("error.type", ""): point.attributes
                for point in points(reader, "otel.sdk.exporter.operation.duration")
            }
            provider.shutdown()
        statuses = {reason: one["rpc.response.status_code"] for reason, one in found.items()}
        assert statuses == {"": "OK", "grpc_invalid_argument": "INVALID_ARGUMENT"}
        assert {one["otel.component.type"] for one in found.values()} == {"otlp_grpc_log_exporter"}
        assert found[""]["server.port"] == int(receiver.grpc_endpoint.rsplit(":", 1)[1])

    def test_that_are_no_otlp_are_named_by_their_class(
        self, reader: InMemoryMetricReader, meters: MeterProvider, memory: MemoryExporter, closing: Closing
    ) -> None:
        processor = closing(fo.FapilogLogRecordProcessor(memory, meter_provider=meters))
        stock = LoggerProvider(Resource({}))
        stock.add_log_record_processor(processor)
        stock.get_logger("shop").emit(LogRecord(body="x"))
        assert processor.force_flush(5_000)
        assert exported(reader, "exporter") == {"": 1}
        (point,) = points(reader, "otel.sdk.exporter.log.exported")
        assert point.attributes["otel.component.type"] == "fapilog_otel_exporters.memory.MemoryExporter"
        assert "server.address" not in point.attributes

    def test_go_on_when_the_meter_provider_raises(
        self, reader: InMemoryMetricReader, meters: MeterProvider, memory: MemoryExporter, closing: Closing
    ) -> None:
        provider = closing(fo.LoggerProvider(meter_provider=meters, settings=fo.Settings(exporters={"memory": memory})))

        class Broken:
            def record(self, *arguments: object) -> None:
                raise RuntimeError("broken")

        provider._exporters.histogram = Broken()
        provider.get_logger("shop").emit(body="x")
        assert provider.force_flush(5_000)
        assert len(memory.records) == 1


class TestServer:
    @pytest.mark.parametrize(
        ("endpoint", "expected"),
        [
            ("", {}),
            ("http://h/v1/logs", {"server.address": "h", "server.port": 80}),
            ("https://h/v1/logs?***", {"server.address": "h", "server.port": 443}),
            ("https://***@h:8443", {"server.address": "h", "server.port": 8443}),
            ("collector:4317", {"server.address": "collector", "server.port": 4317}),
            ("http://[::1]:4318/v1/logs", {"server.address": "::1", "server.port": 4318}),
            ("unix:/run/collector.sock", {"server.address": "/run/collector.sock"}),
        ],
    )
    def test_is_read_off_the_endpoint(self, endpoint: str, expected: dict[str, Any]) -> None:
        assert server(endpoint) == expected
