"""The real receivers themselves, fed by the stock exporters: what our own tests read back can be trusted."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from fapilog_otel.receiver import ReceivedLog, ReceivedScope, ReceiverTls
from tests.integration.pki import Pki
from tests.receivers import Collector, ReceiverError, Rotel, VictoriaLogs

TIMESTAMP = time.time_ns() // 1000 * 1000 + 123
ATTRIBUTES = {
    "text": "naïve",
    "whole": 3,
    "big": 2**62 + 1,
    "half": 2.5,
    "flag": True,
    "list": [1, "two"],
    "map": {"deep": {"er": None}},
    "bytes": b"\x00\xff",
}


def over_http(receiver: Collector | Rotel | VictoriaLogs) -> LogRecordExporter:
    return HttpExporter(endpoint=f"{receiver.http_endpoint}/v1/logs", timeout=5)


def over_grpc(receiver: Collector | Rotel) -> LogRecordExporter:
    return GrpcExporter(endpoint=receiver.grpc_endpoint, insecure=True, timeout=5)


BOTH = pytest.mark.parametrize("connect", [over_http, over_grpc])


@contextmanager
def emitting(exporter: LogRecordExporter, service: str) -> Iterator[Callable[..., None]]:
    """Gives a function that emits one record; leaving the block flushes and closes the exporter."""
    provider = LoggerProvider(Resource({"service.name": service, "host.cores": 2}))
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
    logger = provider.get_logger("shop.cart", "1.2", "https://schema/1", {"scope.kind": "demo"})
    try:
        yield logger.emit
    finally:
        provider.shutdown()


def emit_one(exporter: LogRecordExporter, service: str) -> tuple[str, str]:
    """Emits one record with every field under a span and gives the span's trace and span ids."""
    with (
        TracerProvider().get_tracer("test").start_as_current_span("order") as span,
        emitting(exporter, service) as emit,
    ):
        emit(
            timestamp=TIMESTAMP,
            observed_timestamp=TIMESTAMP + 5,
            severity_number=SeverityNumber.WARN2,
            severity_text="WARNING",
            body="order placed",
            attributes=ATTRIBUTES,
            event_name="order.placed",
        )
    context = span.get_span_context()
    return f"{context.trace_id:032x}", f"{context.span_id:016x}"


def expected(ids: tuple[str, str], service: str) -> ReceivedLog:
    return ReceivedLog(
        body="order placed",
        attributes=ATTRIBUTES,
        severity_number=14,
        severity_text="WARNING",
        trace_id=ids[0],
        span_id=ids[1],
        timestamp=TIMESTAMP,
        observed_timestamp=TIMESTAMP + 5,
        event_name="order.placed",
        resource={"service.name": service, "host.cores": 2},
        scope=ReceivedScope("shop.cart", "1.2", {"scope.kind": "demo"}, 0, "https://schema/1"),
    )


@BOTH
class TestCollector:
    def test_gives_back_every_field_of_a_record(self, collector: Collector, service_name: str, connect) -> None:
        ids = emit_one(connect(collector), service_name)
        (record,) = collector.wait_for(1, service=service_name)
        assert record.flags & 1
        assert replace(record, flags=0) == expected(ids, service_name)

    def test_counts_a_thousand_records(self, collector: Collector, service_name: str, connect) -> None:
        with emitting(connect(collector), service_name) as emit:
            for number in range(1000):
                emit(body=number)
        records = collector.wait_for(1000, service=service_name)
        assert sorted(record.body for record in records) == list(range(1000))

    def test_keeps_what_it_had_across_a_restart_and_a_kill(self, make_collector, service_name: str, connect) -> None:
        with make_collector() as own:
            emit_one(connect(own), service_name)
            own.wait_for(1)
            own.restart()
            emit_one(connect(own), service_name)
            own.wait_for(2)
            own.kill()
            own.start()
            emit_one(connect(own), service_name)
            assert len(own.wait_for(3, service=service_name)) == 3


class TestCollectorOptions:
    def test_receives_spans(self, collector: Collector, service_name: str) -> None:
        provider = TracerProvider(resource=Resource({"service.name": service_name}))
        provider.add_span_processor(
            SimpleSpanProcessor(OTLPSpanExporter(endpoint=collector.grpc_endpoint, insecure=True))
        )
        with provider.get_tracer("test").start_as_current_span("order") as span:
            pass
        provider.shutdown()
        deadline = time.monotonic() + 5
        while not (spans := collector.spans(service_name)):
            assert time.monotonic() < deadline
        assert [(found.name, found.span_id) for found in spans] == [
            ("order", f"{span.get_span_context().span_id:016x}")
        ]

    def test_serves_tls(self, make_collector, pki: Pki, service_name: str) -> None:
        with make_collector(tls=ReceiverTls(pki.certificate, pki.key)) as own:
            http = HttpExporter(endpoint=f"{own.http_endpoint}/v1/logs", certificate_file=str(pki.authority))
            credentials = grpc.ssl_channel_credentials(pki.authority.read_bytes())
            for exporter in (http, GrpcExporter(endpoint=own.grpc_endpoint, credentials=credentials)):
                emit_one(exporter, service_name)
            assert len(own.wait_for(2, service=service_name)) == 2

    def test_demands_a_client_certificate_for_mtls(self, make_collector, pki: Pki, service_name: str) -> None:
        with make_collector(tls=ReceiverTls(pki.certificate, pki.key, client_ca=pki.authority)) as own:
            url, authority = f"{own.http_endpoint}/v1/logs", str(pki.authority)
            emit_one(HttpExporter(endpoint=url, certificate_file=authority, timeout=1), service_name)
            assert own.records() == []
            own_pair = {"client_certificate_file": str(pki.certificate), "client_key_file": str(pki.key)}
            emit_one(HttpExporter(endpoint=url, certificate_file=authority, **own_pair), service_name)
            assert len(own.wait_for(1)) == 1

    def test_demands_the_bearer_token(self, make_collector, service_name: str) -> None:
        with make_collector(bearer_token="sesame") as own:
            url = f"{own.http_endpoint}/v1/logs"
            emit_one(HttpExporter(endpoint=url), service_name)
            assert own.records() == []
            emit_one(HttpExporter(endpoint=url, headers={"authorization": "Bearer sesame"}), service_name)
            assert len(own.wait_for(1)) == 1

    def test_refuses_requests_over_its_limit(self, make_collector, service_name: str) -> None:
        with make_collector(max_request_mib=1) as own, emitting(over_http(own), service_name) as emit:
            emit(body="x" * 2_000_000)
            emit_one(over_http(own), "after")
            assert [record.resource["service.name"] for record in own.wait_for(1)] == ["after"]

    def test_fails_loudly_when_it_cannot_start(self, make_collector, tmp_path: Path) -> None:
        own = make_collector(tls=ReceiverTls(tmp_path / "absent.pem", tmp_path / "absent.key"))
        with pytest.raises(ReceiverError, match="absent"), own:
            raise AssertionError("it started")


class TestRotel:
    @BOTH
    def test_gives_back_every_field_of_a_record(self, rotel: Rotel, service_name: str, connect) -> None:
        ids = emit_one(connect(rotel), service_name)
        (record,) = rotel.wait_for(1, service=service_name)
        assert replace(record, flags=0) == expected(ids, service_name)

    def test_counts_a_thousand_records(self, rotel: Rotel, service_name: str) -> None:
        with emitting(over_http(rotel), service_name) as emit:
            for number in range(1000):
                emit(body=number)
        records = rotel.wait_for(1000, service=service_name)
        assert sorted(record.body for record in records) == list(range(1000))

    @pytest.mark.receiver
    def test_receives_again_after_a_kill(self, service_name: str) -> None:
        with Rotel() as own:
            own.kill()
            own.start()
            emit_one(over_grpc(own), service_name)
            assert len(own.wait_for(1)) == 1


class TestVictoriaLogs:
    def test_stores_a_record_under_its_flat_fields(self, victorialogs: VictoriaLogs, service_name: str) -> None:
        ids = emit_one(over_http(victorialogs), service_name)
        (record,) = victorialogs.wait_for(1, service=service_name)
        assert record == ReceivedLog(
            body="order placed",
            attributes={
                "text": "naïve",
                "whole": "3",
                "big": str(2**62 + 1),
                "half": "2.5",
                "flag": "true",
                "list": '[1,"two"]',
                "bytes": "AP8=",
            },
            severity_text="WARNING",
            trace_id=ids[0],
            span_id=ids[1],
            timestamp=TIMESTAMP,
            event_name="order.placed",
            resource={"service.name": service_name, "host.cores": "2"},
            scope=ReceivedScope("shop.cart", "1.2", {"scope.kind": "demo"}),
        )

    def test_counts_a_thousand_records(self, victorialogs: VictoriaLogs, service_name: str) -> None:
        with emitting(over_http(victorialogs), service_name) as emit:
            for number in range(1000):
                emit(body=str(number), timestamp=TIMESTAMP + number)
        assert len(victorialogs.wait_for(1000, service=service_name)) == 1000
        (row,) = victorialogs.query(f'service.name:="{service_name}" | stats count() n')
        assert row == {"n": "1000"}

    def test_keeps_its_database_across_a_restart(self, service_name: str, victorialogs) -> None:
        with VictoriaLogs() as own:
            emit_one(over_http(own), service_name)
            own.wait_for(1)
            own.restart()
            assert len(own.wait_for(1, service=service_name)) == 1


class TestWaiting:
    def test_says_how_many_of_how_many_arrived(self, rotel: Rotel, service_name: str) -> None:
        with pytest.raises(TimeoutError, match=r"rotel: 0 of 1 records after 0\.1 s"):
            rotel.wait_for(1, timeout=0.1, service=service_name)
