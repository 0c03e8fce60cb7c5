from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from fapilog_otel.receiver import Bomb, Disconnect, Fault, GrpcStatus, OtlpReceiver, Reply, Script
from tests.unit.receiver.clients import bodies, logs_request

LOGS = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"
TRACES = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
Export = Callable[..., bytes]


@pytest.fixture
def channel(receiver: OtlpReceiver) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(receiver.grpc_endpoint.removeprefix("http://")) as channel:
        yield channel


@pytest.fixture
def export(channel: grpc.Channel) -> Export:
    """Sends a message to the logs service and gives the reply's bytes."""
    method = channel.unary_unary(LOGS)
    return lambda body, **options: method(body, timeout=5, **options)


def failure(export: Export, *bodies: str) -> grpc.RpcError:
    """The error that an export ends in."""
    with pytest.raises(grpc.RpcError) as caught:
        export(logs_request(*bodies or ("a",)))
    return caught.value


class TestSuccess:
    def test_is_an_empty_response(self, export: Export, receiver: OtlpReceiver) -> None:
        assert export(logs_request("a", "b"), metadata=[("x-tenant", "t")]) == b""
        assert bodies(receiver) == ["a", "b"]
        (request,) = receiver.requests
        assert (request.transport, request.path, request.signal, request.count) == ("grpc", LOGS, "logs", 2)
        assert request.headers["x-tenant"] == "t"
        assert request.size == len(logs_request("a", "b"))

    def test_takes_compressed_messages(self, export: Export, receiver: OtlpReceiver) -> None:
        export(logs_request("a" * 1000), compression=grpc.Compression.Gzip)
        assert bodies(receiver) == ["a" * 1000]

    def test_receives_spans_too(self, channel: grpc.Channel, receiver: OtlpReceiver) -> None:
        request = ExportTraceServiceRequest()
        request.resource_spans.add().scope_spans.add().spans.add(name="s")
        channel.unary_unary(TRACES)(request.SerializeToString(), timeout=5)
        assert [span.name for span in receiver.spans] == ["s"]


class TestRefusal:
    def test_of_a_malformed_message_is_an_invalid_argument(self, export: Export) -> None:
        with pytest.raises(grpc.RpcError, match="not an OTLP request") as caught:
            export(b"\xff")
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT

    def test_of_a_message_over_the_limit_is_resource_exhausted(self) -> None:
        with OtlpReceiver(http_port=None, grpc_port=0, max_request_bytes=1000) as receiver:
            target = receiver.grpc_endpoint.removeprefix("http://")
            with (
                grpc.insecure_channel(target) as channel,
                pytest.raises(grpc.RpcError, match="larger than max") as caught,
            ):
                channel.unary_unary(LOGS)(logs_request("a" * 2000), timeout=5)
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


class TestScriptedReply:
    def test_has_its_code_text_and_metadata(self, export: Export, receiver: OtlpReceiver) -> None:
        status = GrpcStatus(code="ABORTED", details="not now", trailing=(("x-why", "test"), ("x-bin", b"\xff")))
        receiver.script = Script([Reply(grpc=status, headers={"X-First": "1"})])
        error = failure(export)
        assert (error.code(), error.details()) == (grpc.StatusCode.ABORTED, "not now")
        assert {("x-why", "test"), ("x-bin", b"\xff")} <= set(error.trailing_metadata())
        assert ("x-first", "1") in error.initial_metadata()
        assert bodies(receiver) == []

    def test_carries_retry_info_in_its_details(self, export: Export, receiver: OtlpReceiver) -> None:
        status = GrpcStatus(code="RESOURCE_EXHAUSTED", details="slow down", retry_delay=1.5)
        receiver.script = Script([Reply(grpc=status)])
        trailers = dict(failure(export).trailing_metadata())
        found = Status.FromString(trailers["grpc-status-details-bin"])
        info = RetryInfo()
        assert found.details[0].Unpack(info)
        assert (found.code, found.message, info.retry_delay.ToMilliseconds()) == (8, "slow down", 1500)

    @pytest.mark.parametrize(
        ("status", "code"),
        [
            (400, grpc.StatusCode.INVALID_ARGUMENT),
            (401, grpc.StatusCode.UNAUTHENTICATED),
            (413, grpc.StatusCode.RESOURCE_EXHAUSTED),
            (418, grpc.StatusCode.UNKNOWN),
            (429, grpc.StatusCode.UNAVAILABLE),
            (500, grpc.StatusCode.INTERNAL),
            (503, grpc.StatusCode.UNAVAILABLE),
        ],
    )
    def test_translates_an_http_status(
        self, export: Export, receiver: OtlpReceiver, status: int, code: grpc.StatusCode
    ) -> None:
        receiver.script = Script([Reply(status=status, message="m")])
        error = failure(export)
        assert (error.code(), error.details()) == (code, "m")

    def test_reports_a_partial_success(self, export: Export, receiver: OtlpReceiver) -> None:
        receiver.script = Script([Reply(rejected=1, message="too old")])
        partial = ExportLogsServiceResponse.FromString(export(logs_request("a", "b"))).partial_success
        assert (partial.rejected_log_records, partial.error_message) == (1, "too old")
        assert bodies(receiver) == ["a"]

    def test_may_have_a_body_that_is_no_message(self, export: Export, receiver: OtlpReceiver) -> None:
        receiver.script = Script([Reply(body=b"\xff\xff")])
        assert export(logs_request("a")) == b"\xff\xff"

    def test_waits_before_it_replies(self, export: Export, receiver: OtlpReceiver) -> None:
        receiver.script = Script([Reply(delay=0.2)])
        started = time.monotonic()
        export(logs_request("a"))
        assert time.monotonic() - started >= 0.2

    def test_stops_waiting_when_the_receiver_stops(self, export: Export, receiver: OtlpReceiver) -> None:
        receiver.script = Script([Reply(delay=60)])
        with ThreadPoolExecutor(1) as pool:
            error = pool.submit(failure, export)
            receiver.wait_for_requests(1, 5)
            started = time.monotonic()
            receiver.stop()
            assert time.monotonic() - started < 2
            assert error.result().code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)

    def test_gives_way_to_success_when_the_script_is_used_up(self, export: Export, receiver: OtlpReceiver) -> None:
        receiver.script = Script([Reply(status=503)])
        failure(export)
        assert export(logs_request("b")) == b""
        assert bodies(receiver) == ["b"]


class TestFault:
    def test_bomb_is_a_huge_compressed_message(
        self, channel: grpc.Channel, export: Export, receiver: OtlpReceiver
    ) -> None:
        receiver.script = Script([Reply(fault=Bomb(mebibytes=8))])
        error = failure(export)
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED

    @pytest.mark.parametrize("fault", [Disconnect(), Bomb(place="trailers"), Bomb(None)])
    def test_of_the_wire_is_refused_aloud(self, export: Export, receiver: OtlpReceiver, fault: Fault) -> None:
        receiver.script = Script([Reply(fault=fault)])
        error = failure(export)
        assert error.code() is grpc.StatusCode.INTERNAL
        assert "exists on HTTP alone" in error.details()
