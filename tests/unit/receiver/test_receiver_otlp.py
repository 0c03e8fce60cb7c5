from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest
import trustme
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import LogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from fapilog_otel.errors import ConfigError
from fapilog_otel.receiver import OtlpReceiver, ReceiverTls, Reply
from fapilog_otel.receiver.decode import Decoded


def over_http(receiver: OtlpReceiver, **options: object) -> LogRecordExporter:
    return HttpExporter(endpoint=f"{receiver.http_endpoint}/v1/logs", timeout=2, **options)  # type: ignore[arg-type]


def over_grpc(receiver: OtlpReceiver) -> LogRecordExporter:
    return GrpcExporter(endpoint=receiver.grpc_endpoint, insecure=True, timeout=2)


def emit(exporter: LogRecordExporter, body: str = "hello") -> None:
    provider = LoggerProvider(Resource({"service.name": "shop"}))
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    provider.get_logger("cart").emit(body=body, attributes={"n": 1})
    provider.shutdown()


class TestStockExporters:
    @pytest.mark.parametrize("connect", [over_http, over_grpc])
    def test_deliver_logs(self, receiver: OtlpReceiver, connect: Callable[[OtlpReceiver], LogRecordExporter]) -> None:
        emit(connect(receiver))
        (log,) = receiver.wait_for_logs(1, 5)
        assert (log.body, log.attributes, log.scope.name, log.resource) == (
            "hello",
            {"n": 1},
            "cart",
            {"service.name": "shop"},
        )

    @pytest.mark.parametrize("compression", [Compression.Gzip, Compression.Deflate])
    def test_deliver_compressed(self, receiver: OtlpReceiver, compression: Compression) -> None:
        emit(over_http(receiver, compression=compression))
        assert receiver.requests[0].content_encoding == compression.value
        assert len(receiver.logs) == 1

    def test_deliver_logs_under_their_spans(self, receiver: OtlpReceiver) -> None:
        traces = TracerProvider()
        traces.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(endpoint=receiver.grpc_endpoint, insecure=True)))
        with traces.get_tracer("t").start_as_current_span("order"):
            emit(over_http(receiver))
        traces.shutdown()
        (span,), (log,) = receiver.wait_for_spans(1, 5), receiver.wait_for_logs(1, 5)
        assert (log.trace_id, log.span_id) == (span.trace_id, span.span_id)


class TestLifecycle:
    def test_listens_on_the_same_ports_after_a_restart(self, receiver: OtlpReceiver) -> None:
        endpoints = receiver.http_endpoint, receiver.grpc_endpoint
        emit(over_http(receiver), "before")
        receiver.stop()
        assert not receiver.running
        receiver.start()
        assert (receiver.http_endpoint, receiver.grpc_endpoint) == endpoints
        emit(over_http(receiver), "after")
        emit(over_grpc(receiver), "after")
        assert [log.body for log in receiver.logs] == ["before", "after", "after"]

    def test_may_be_started_and_stopped_twice(self, receiver: OtlpReceiver) -> None:
        assert receiver.start() is receiver
        receiver.stop()
        receiver.stop()

    def test_serves_one_transport_alone(self) -> None:
        with OtlpReceiver(http_port=None, grpc_port=0) as receiver:
            emit(over_grpc(receiver))
            assert len(receiver.logs) == 1
            with pytest.raises(ConfigError, match="made without this transport"):
                _ = receiver.http_endpoint

    def test_needs_a_transport(self) -> None:
        with pytest.raises(ConfigError, match="neither HTTP nor gRPC"):
            OtlpReceiver(http_port=None)

    def test_has_no_endpoint_before_it_is_started(self) -> None:
        with pytest.raises(ConfigError, match="was not started"):
            _ = OtlpReceiver().http_endpoint

    @pytest.mark.parametrize("name", ["http_port", "grpc_port"])
    def test_reports_a_port_that_is_taken(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("fapilog_otel.receiver.grpc_server._BIND_SECONDS", 0.0)
        with socket.create_server(("127.0.0.1", 0)) as taken:
            receiver = OtlpReceiver(**{"http_port": 0, "grpc_port": 0, name: taken.getsockname()[1]})  # type: ignore[arg-type]
            with pytest.raises(OSError, match=r"in use|cannot listen"):
                receiver.start()
            assert not receiver.running

    def test_listens_on_ipv6_too(self) -> None:
        with OtlpReceiver(host="::1", grpc_port=0) as receiver:
            emit(over_http(receiver))
            emit(over_grpc(receiver))
            assert len(receiver.logs) == 2

    def test_hands_accepted_records_to_its_listener(self) -> None:
        heard: list[Decoded] = []
        with OtlpReceiver(listener=heard.append, script=[Reply(status=400)]) as receiver:
            emit(over_http(receiver), "refused")
            emit(over_http(receiver), "taken")
        assert [log.body for decoded in heard for log in decoded.logs] == ["taken"]

    def test_imports_no_grpc_for_http_alone(self) -> None:
        code = (
            "import sys\n"
            "from fapilog_otel.receiver import OtlpReceiver\n"
            "heavy = {'grpc', 'opentelemetry', 'google.protobuf', 'ssl', 'pydantic'} & set(sys.modules)\n"
            "assert not heavy, heavy\n"
            "OtlpReceiver().start().stop()\n"
            "assert 'grpc' not in sys.modules\n"
        )
        subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


class TestTls:
    @pytest.fixture
    def authority(self) -> trustme.CA:
        return trustme.CA()

    @pytest.fixture
    def pair(self, authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ReceiverTls:
        # The stock HTTP exporter sets its authority on a requests session, where these variables win over it.
        for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
            monkeypatch.delenv(name, raising=False)
        leaf = authority.issue_cert("127.0.0.1")
        authority.cert_pem.write_to_path(tmp_path / "ca.pem")
        leaf.private_key_pem.write_to_path(tmp_path / "key.pem")
        leaf.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
        return ReceiverTls(tmp_path / "cert.pem", tmp_path / "key.pem")

    def test_serves_both_transports(self, pair: ReceiverTls, authority: trustme.CA) -> None:
        with OtlpReceiver(grpc_port=0, tls=pair) as receiver:
            ca_file = pair.certificate.with_name("ca.pem")
            emit(over_http(receiver, certificate_file=str(ca_file)))
            credentials = grpc.ssl_channel_credentials(authority.cert_pem.bytes())
            emit(GrpcExporter(endpoint=receiver.grpc_endpoint, credentials=credentials, timeout=2))
            assert len(receiver.logs) == 2

    def test_demands_a_client_certificate_for_mtls(self, pair: ReceiverTls, authority: trustme.CA) -> None:
        ca_file = pair.certificate.with_name("ca.pem")
        with OtlpReceiver(grpc_port=0, tls=ReceiverTls(pair.certificate, pair.key, client_ca=ca_file)) as receiver:
            emit(HttpExporter(endpoint=f"{receiver.http_endpoint}/v1/logs", timeout=1, certificate_file=str(ca_file)))
            anonymous = grpc.ssl_channel_credentials(authority.cert_pem.bytes())
            emit(GrpcExporter(endpoint=receiver.grpc_endpoint, credentials=anonymous, timeout=1))
            assert receiver.requests == []
            certificate, key = str(pair.certificate), str(pair.key)
            emit(
                over_http(
                    receiver,
                    certificate_file=str(ca_file),
                    client_certificate_file=certificate,
                    client_key_file=key,
                )
            )
            known = grpc.ssl_channel_credentials(
                authority.cert_pem.bytes(), pair.key.read_bytes(), pair.certificate.read_bytes()
            )
            emit(GrpcExporter(endpoint=receiver.grpc_endpoint, credentials=known, timeout=2))
            assert len(receiver.logs) == 2

    @pytest.mark.parametrize("ports", [{"http_port": 0}, {"http_port": None, "grpc_port": 0}])
    def test_reports_files_that_cannot_be_used(self, tmp_path: Path, ports: dict[str, int | None]) -> None:
        receiver = OtlpReceiver(tls=ReceiverTls(tmp_path / "none.pem", tmp_path / "none.key"), **ports)
        with pytest.raises(ConfigError, match="cannot be used"):
            receiver.start()
        assert not receiver.running
