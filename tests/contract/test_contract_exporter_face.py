"""``FapilogLogRecordExporter`` stands where the stock OTLP exporters stand."""

from __future__ import annotations

import gc
import importlib.metadata
import inspect
import threading
import time
import weakref
from typing import Any

import grpc
import pytest
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpExporter
from opentelemetry.sdk._logs import LoggerProvider as SdkLoggerProvider
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExporter, LogRecordExportResult
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

import fapilog_otel as fo
from fapilog_otel.errors import ConfigError
from fapilog_otel.receiver import Disconnect, GrpcStatus, OtlpReceiver, Reply, Script
from tests.contract.faces_support import Closing
from tests.naming import stable_id

SUCCESS, FAILURE = LogRecordExportResult.SUCCESS, LogRecordExportResult.FAILURE
RESOURCE = Resource({"service.name": "shop"})


def readable(body: Any = "x", **fields: Any) -> ReadableLogRecord:
    return ReadableLogRecord(LogRecord(body=body, **fields), RESOURCE, InstrumentationScope("cart", "1"))


@pytest.fixture
def url(receiver: OtlpReceiver) -> str:
    return receiver.http_endpoint + "/v1/logs"


class TestAsAnSdkExporter:
    def test_it_is_one(self) -> None:
        assert issubclass(fo.FapilogLogRecordExporter, LogRecordExporter)

    def test_it_takes_the_http_exporters_parameters_and_the_others_by_keyword(self) -> None:
        ours = list(inspect.signature(fo.FapilogLogRecordExporter).parameters.values())
        stock = [one for one in inspect.signature(HttpExporter).parameters.values() if not one.name.startswith("_")]
        assert [(one.name, one.kind) for one in ours[: len(stock)]] == [(one.name, one.kind) for one in stock]
        assert all(one.kind is inspect.Parameter.KEYWORD_ONLY for one in ours[len(stock) :])
        assert all(one.default is None for one in ours)

    def test_it_takes_every_parameter_of_the_grpc_exporter_by_name(self) -> None:
        ours = inspect.signature(fo.FapilogLogRecordExporter).parameters
        assert set(inspect.signature(GrpcExporter).parameters) <= set(ours)

    def test_it_sends_what_a_stock_batch_processor_gives_it(self, url: str, receiver: OtlpReceiver) -> None:
        provider = SdkLoggerProvider(RESOURCE, shutdown_on_exit=False)
        provider.add_log_record_processor(BatchLogRecordProcessor(fo.FapilogLogRecordExporter(url)))
        provider.get_logger("cart", "1").emit(
            severity_number=SeverityNumber.INFO, body={"k": [1, b"x"]}, attributes={"password": "p", "a": 1}
        )
        assert provider.force_flush()
        (log,) = receiver.logs
        assert log.body == {"k": [1, b"x"]}
        assert log.attributes == {"password": "***", "a": 1}
        assert (log.resource, log.scope.name, log.scope.version) == ({"service.name": "shop"}, "cart", "1")
        provider.shutdown()

    def test_records_are_neither_changed_nor_kept(self, url: str, closing: Closing) -> None:
        exporter = closing(fo.FapilogLogRecordExporter(url))
        attributes = {"password": "hunter2"}
        record = readable({"token": "t"}, attributes=attributes)
        assert exporter.export([record]) is SUCCESS
        assert (attributes, record.log_record.body) == ({"password": "hunter2"}, {"token": "t"})
        gone = weakref.ref(record.log_record)
        del record
        gc.collect()
        assert gone() is None

    def test_secrets_in_resource_and_scope_are_redacted(
        self, url: str, receiver: OtlpReceiver, closing: Closing
    ) -> None:
        scope = InstrumentationScope("cart", attributes={"api_key": "hunter2"})
        record = ReadableLogRecord(LogRecord(body="x"), Resource({"url": "postgres://u:hunter2@h/d"}), scope)
        assert closing(fo.FapilogLogRecordExporter(url)).export([record]) is SUCCESS
        (log,) = receiver.logs
        assert (log.resource["url"], log.scope.attributes) == ("postgres://u:***@h/d", {"api_key": "***"})


class TestResult:
    @pytest.mark.parametrize("status", [400, 401, 403, 404, 302, 304, 500])
    def test_a_refusal_is_a_failure_and_never_retried(
        self, url: str, receiver: OtlpReceiver, closing: Closing, status: int
    ) -> None:
        receiver.script = Script(then=Reply(status=status))
        assert closing(fo.FapilogLogRecordExporter(url)).export([readable()]) is FAILURE
        assert len(receiver.requests) == 1

    @pytest.mark.parametrize("reply", [Reply(status=503), Reply(status=429), Reply(fault=Disconnect())])
    def test_what_a_retry_mends_is_a_success(
        self, url: str, receiver: OtlpReceiver, closing: Closing, reply: Reply
    ) -> None:
        receiver.script = Script([reply])
        assert closing(fo.FapilogLogRecordExporter(url)).export([readable()]) is SUCCESS
        assert (len(receiver.requests), len(receiver.logs)) == (2, 1)

    def test_a_partial_success_is_a_failure_and_is_not_resent(
        self, url: str, receiver: OtlpReceiver, closing: Closing
    ) -> None:
        receiver.script = Script(then=Reply(rejected=1, message="no room"))
        assert closing(fo.FapilogLogRecordExporter(url)).export([readable("a"), readable("b")]) is FAILURE
        assert len(receiver.requests) == 1

    def test_an_empty_batch_is_a_success_without_a_request(
        self, url: str, receiver: OtlpReceiver, closing: Closing
    ) -> None:
        assert closing(fo.FapilogLogRecordExporter(url)).export([]) is SUCCESS
        assert receiver.requests == []

    def test_what_is_no_record_fails_and_the_others_go_out(
        self, url: str, receiver: OtlpReceiver, closing: Closing
    ) -> None:
        class Unreadable:
            def __getattr__(self, name: str) -> Any:
                raise RuntimeError(name)

        result = closing(fo.FapilogLogRecordExporter(url)).export([readable("a"), Unreadable(), readable("b")])
        assert result is FAILURE
        assert [log.body for log in receiver.logs] == ["a", "b"]

    def test_a_receiver_that_is_not_there_is_a_failure(self, closing: Closing) -> None:
        exporter = closing(fo.FapilogLogRecordExporter("http://127.0.0.1:1/v1/logs", timeout=0.3))
        assert exporter.export([readable()]) is FAILURE


class TestDeadline:
    def test_a_whole_export_ends_within_the_timeout_retries_included(
        self, url: str, receiver: OtlpReceiver, closing: Closing
    ) -> None:
        receiver.script = Script(then=Reply(status=503))
        exporter = closing(fo.FapilogLogRecordExporter(url, timeout=1.0))
        started = time.monotonic()
        assert exporter.export([readable()]) is FAILURE
        assert time.monotonic() - started < 1.4
        assert len(receiver.requests) > 1

    def test_so_does_one_of_many_requests(self, url: str, receiver: OtlpReceiver, closing: Closing) -> None:
        receiver.script = Script(then=Reply(delay=0.2))
        exporter = closing(fo.FapilogLogRecordExporter(url, timeout=0.5, max_request_size=2_000))
        started = time.monotonic()
        assert exporter.export([readable("y" * 1_500) for _ in range(20)]) is FAILURE
        assert time.monotonic() - started < 1.0

    def test_so_does_one_to_a_receiver_that_never_answers(
        self, url: str, receiver: OtlpReceiver, closing: Closing
    ) -> None:
        receiver.script = Script(then=Reply(delay=30))
        exporter = closing(fo.FapilogLogRecordExporter(url, timeout=0.3))
        started = time.monotonic()
        assert exporter.export([readable()]) is FAILURE
        assert 0.25 < time.monotonic() - started < 1.0

    def test_shutdown_ends_a_back_off_at_once(self, url: str, receiver: OtlpReceiver) -> None:
        receiver.script = Script(then=Reply(status=503, headers={"Retry-After": "20"}))
        exporter = fo.FapilogLogRecordExporter(url, timeout=30)
        results: list[LogRecordExportResult] = []
        thread = threading.Thread(target=lambda: results.append(exporter.export([readable()])))
        thread.start()
        receiver.wait_for_requests(1, 5)
        started = time.monotonic()
        exporter.shutdown()
        thread.join(5)
        assert results == [FAILURE]
        assert time.monotonic() - started < 1.0

    def test_after_shutdown_an_export_fails_and_sends_nothing(self, url: str, receiver: OtlpReceiver) -> None:
        exporter = fo.FapilogLogRecordExporter(url)
        assert exporter.export([readable()]) is SUCCESS
        exporter.shutdown()
        exporter.shutdown()
        assert exporter.export([readable()]) is FAILURE
        assert exporter.export([]) is FAILURE
        assert exporter.force_flush() is True
        assert len(receiver.requests) == 1

    def test_it_is_collected_after_shutdown(self, url: str) -> None:
        exporter = fo.FapilogLogRecordExporter(url)
        exporter.export([readable()])
        exporter.shutdown()
        gone = weakref.ref(exporter)
        del exporter
        gc.collect()
        assert gone() is None

    def test_one_that_nobody_shuts_down_takes_its_thread_along(self, url: str) -> None:
        before = set(threading.enumerate())
        exporter = fo.FapilogLogRecordExporter(url)
        exporter.export([readable()])
        (thread,) = set(threading.enumerate()) - before
        del exporter
        gc.collect()
        thread.join(5)
        assert not thread.is_alive()


class TestEndpoint:
    def test_one_given_in_code_is_used_as_it_is(self, receiver: OtlpReceiver, closing: Closing) -> None:
        closing(fo.FapilogLogRecordExporter(receiver.http_endpoint + "/custom?x=1", timeout=1)).export([readable()])
        assert receiver.requests[0].path.startswith("/custom")

    @pytest.mark.parametrize(
        ("name", "suffix", "path"),
        [
            ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "/own", "/own"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "", "/v1/logs"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "/base/", "/base/v1/logs"),
        ],
    )
    def test_a_signal_variable_is_used_as_it_is_and_a_general_one_gets_the_path(
        self,
        receiver: OtlpReceiver,
        closing: Closing,
        monkeypatch: pytest.MonkeyPatch,
        name: str,
        suffix: str,
        path: str,
    ) -> None:
        monkeypatch.setenv(name, receiver.http_endpoint + suffix)
        closing(fo.FapilogLogRecordExporter(timeout=1)).export([readable()])
        assert receiver.requests[0].path == path

    def test_an_argument_goes_before_the_environment(
        self, url: str, receiver: OtlpReceiver, closing: Closing, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "http://127.0.0.1:1/never")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-key=env")
        exporter = closing(fo.FapilogLogRecordExporter(url, headers={"x-key": "code"}))
        assert exporter.export([readable()]) is SUCCESS
        assert receiver.requests[0].headers["x-key"] == "code"


class TestWire:
    def test_it_names_itself(self, url: str, receiver: OtlpReceiver, closing: Closing) -> None:
        closing(fo.FapilogLogRecordExporter(url)).export([readable()])
        version = importlib.metadata.version("fapilog-otel")
        assert receiver.requests[0].headers["user-agent"] == f"fapilog-otel/{version}"

    @pytest.mark.parametrize(
        "headers", [{"X-Key": "a=b"}, (("x-key", "a=b"),), "x-key=a%3Db", lambda: {"x-key": "a=b"}]
    )
    def test_headers_in_every_form(self, url: str, receiver: OtlpReceiver, closing: Closing, headers: Any) -> None:
        closing(fo.FapilogLogRecordExporter(url, headers=headers)).export([readable()])
        assert receiver.requests[0].headers["x-key"] == "a=b"

    @pytest.mark.parametrize(
        ("compression", "encoding"),
        [
            (Compression.Gzip, "gzip"),
            (Compression.Deflate, "deflate"),
            (Compression.NoCompression, ""),
            ("gzip", "gzip"),
        ],
    )
    def test_compression_as_text_or_as_the_stock_enum(
        self, url: str, receiver: OtlpReceiver, closing: Closing, compression: Any, encoding: str
    ) -> None:
        assert closing(fo.FapilogLogRecordExporter(url, compression=compression)).export([readable()]) is SUCCESS
        assert receiver.requests[0].content_encoding == encoding

    def test_json(self, url: str, receiver: OtlpReceiver, closing: Closing) -> None:
        assert closing(fo.FapilogLogRecordExporter(url, protocol="http/json")).export([readable()]) is SUCCESS
        assert receiver.requests[0].headers["content-type"] == "application/json"
        assert [log.body for log in receiver.logs] == ["x"]

    def test_a_batch_above_the_size_goes_out_in_parts(self, url: str, receiver: OtlpReceiver, closing: Closing) -> None:
        exporter = closing(fo.FapilogLogRecordExporter(url, max_request_size=3_000))
        assert exporter.export([readable(str(n) + "y" * 1_000) for n in range(6)]) is SUCCESS
        assert len(receiver.logs) == 6
        assert len(receiver.requests) >= 3
        assert max(request.size for request in receiver.requests) <= 3_000

    def test_a_single_record_above_the_size_is_not_sent(
        self, url: str, receiver: OtlpReceiver, closing: Closing
    ) -> None:
        exporter = closing(fo.FapilogLogRecordExporter(url, max_request_size=500))
        assert exporter.export([readable("small"), readable("y" * 1_000)]) is FAILURE
        assert [log.body for log in receiver.logs] == ["small"]

    @pytest.mark.parametrize("size", [0, -1])
    def test_no_size_is_no_bound(self, url: str, receiver: OtlpReceiver, closing: Closing, size: int) -> None:
        exporter = closing(fo.FapilogLogRecordExporter(url, max_request_size=size))
        assert exporter.export([readable("y" * 1_000) for _ in range(1_000)]) is SUCCESS
        assert len(receiver.requests) == 1


class TestGrpc:
    @pytest.fixture
    def server(self) -> Any:
        with OtlpReceiver(http_port=None, grpc_port=0) as receiver:
            yield receiver

    @pytest.mark.parametrize("compression", [None, "gzip", grpc.Compression.Gzip, grpc.Compression.NoCompression])
    def test_it_delivers(self, server: OtlpReceiver, closing: Closing, compression: Any) -> None:
        exporter = closing(
            fo.FapilogLogRecordExporter(
                server.grpc_endpoint,
                protocol="grpc",
                compression=compression,
                headers=(("x-key", "v"),),
                channel_options=(("grpc.max_send_message_length", 10_000_000),),
            )
        )
        assert exporter.export([readable()]) is SUCCESS
        assert [log.body for log in server.logs] == ["x"]
        assert server.requests[0].headers["x-key"] == "v"
        assert "fapilog-otel/" in server.requests[0].headers["user-agent"]

    @pytest.mark.parametrize(
        ("status", "result", "requests"),
        [
            (GrpcStatus(code="UNAVAILABLE"), SUCCESS, 2),
            (GrpcStatus(code="RESOURCE_EXHAUSTED", retry_delay=0.05), SUCCESS, 2),
            (GrpcStatus(code="RESOURCE_EXHAUSTED"), FAILURE, 1),
            (GrpcStatus(code="ALREADY_EXISTS"), FAILURE, 1),
        ],
    )
    def test_it_retries_what_otlp_calls_retryable(
        self, server: OtlpReceiver, closing: Closing, status: GrpcStatus, result: LogRecordExportResult, requests: int
    ) -> None:
        server.script = Script([Reply(grpc=status)])
        exporter = closing(fo.FapilogLogRecordExporter(server.grpc_endpoint, protocol="grpc"))
        assert exporter.export([readable()]) is result
        assert len(server.requests) == requests


class TestRefusals:
    @pytest.mark.parametrize(
        "arguments",
        [
            {"session": object()},
            {"credentials": object()},
            {"retryable_error_codes": [14]},
            {"channel_options": (("a", 1),)},
            {"timeout": -1},
            {"timeout": "soon"},
            {"protocol": "smoke"},
            {"compression": "zip"},
            {"endpoint": "ftp://host"},
            {"endpoint": "http://host:port"},
            {"endpoint": "http://host/path", "protocol": "grpc"},
            {"certificate_file": "/no/such/file"},
            {"client_key_file": "/no/such/file"},
            {"headers": [1, 2]},
            {"headers": {"bad name": "x"}},
            {"max_request_size": "large"},
            {"settings": object()},
        ],
        ids=stable_id,
    )
    def test_what_cannot_be_honoured_is_refused_at_construction(self, arguments: dict[str, Any]) -> None:
        with pytest.raises(ConfigError):
            fo.FapilogLogRecordExporter(**arguments)

    def test_a_deferred_stage_is_refused(self) -> None:
        class Deferred:
            name, phase, inline = "slow", "enrich", False

            def __call__(self, record: fo.Record) -> fo.Record:
                return record

        with pytest.raises(ConfigError, match="slow"):
            fo.FapilogLogRecordExporter(settings=fo.Settings(stages=[Deferred()]))
