"""Every place where OpenTelemetry can meet us: the global provider, a processor, an exporter, and the variables."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry import _logs
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource

from fapilog_otel import FapilogLogRecordExporter, FapilogLogRecordProcessor, Settings
from tests.integration.child import Child
from tests.integration.whole_collector import WholeCollector
from tests.integration.workload import RECORDS, LogsApi, Workload, assert_delivered

BOTH = pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])


def endpoint_of(collector: WholeCollector, protocol: str) -> str:
    return collector.grpc_endpoint if protocol == "grpc" else collector.http_endpoint


@BOTH
class TestUnderTheStockProvider:
    def test_the_processor_delivers_every_record_once_and_whole(
        self, own_collector: WholeCollector, service_name: str, protocol: str
    ) -> None:
        settings = Settings(endpoint=endpoint_of(own_collector, protocol), protocol=protocol)
        processor = FapilogLogRecordProcessor(settings=settings)
        provider = stock_provider(processor, service_name)
        workload = write(provider)
        assert processor.force_flush()
        assert_delivered(processor.stats())
        provider.shutdown()
        workload.check(own_collector.stopped(), dict(provider.resource.attributes))

    def test_the_exporter_delivers_every_record_once_and_whole(
        self, own_collector: WholeCollector, service_name: str, protocol: str
    ) -> None:
        endpoint = endpoint_of(own_collector, protocol) + ("" if protocol == "grpc" else "/v1/logs")
        exporter = FapilogLogRecordExporter(endpoint=endpoint, protocol=protocol)
        provider = stock_provider(BatchLogRecordProcessor(exporter, max_queue_size=2 * RECORDS), service_name)
        workload = write(provider)
        provider.shutdown()
        workload.check(own_collector.stopped(), dict(provider.resource.attributes))


def stock_provider(processor: Any, service_name: str) -> LoggerProvider:
    provider = LoggerProvider(Resource({"service.name": service_name, "host.cores": 2}))
    provider.add_log_record_processor(processor)
    return provider


def write(provider: _logs.LoggerProvider) -> Workload:
    workload = Workload(LogsApi(provider))
    workload.write()
    return workload


class TestGlobalProvider:
    @pytest.mark.parametrize(
        ("way", "protocol", "variables"),
        [
            ("ours_set_as_global", "http/protobuf", {}),
            ("ours_set_as_global", "grpc", {}),
            ("configured", "http/protobuf", {"OTEL_LOGS_EXPORTER": "fapilog_otlp"}),
            ("configured", "grpc", {}),
            ("named_by_variable", "http/protobuf", {"OTEL_PYTHON_LOGGER_PROVIDER": "fapilog_otel"}),
            (
                "stock_configurator",
                "http/protobuf",
                {
                    "OTEL_LOGS_EXPORTER": "fapilog_otlp",
                    "OTEL_TRACES_EXPORTER": "none",
                    "OTEL_METRICS_EXPORTER": "none",
                    "OTEL_BLRP_MAX_QUEUE_SIZE": str(2 * RECORDS),
                },
            ),
        ],
    )
    def test_delivers_every_record_once_and_whole(
        self,
        own_collector: WholeCollector,
        service_name: str,
        way: str,
        protocol: str,
        variables: dict[str, str],
    ) -> None:
        environ = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint_of(own_collector, protocol),
            "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
            "OTEL_SERVICE_NAME": service_name,
            **variables,
        }
        with Child("face", way, environ=environ) as child:
            ended = child.end()
        assert ended.err == ""
        assert ended.code == 0
        said = ended.said()
        assert said["resource"]["service.name"] == service_name
        if way != "stock_configurator":
            assert said["balanced"]
            assert (said["stats"]["submitted"], said["stats"]["delivered"]) == (RECORDS, RECORDS)
        workload = Workload(LogsApi(_logs.NoOpLoggerProvider()))
        workload.adopt(said["spans"])
        workload.check(own_collector.stopped(), said["resource"])
