"""The gRPC exporter against a real gRPC server."""

from __future__ import annotations

import asyncio
import importlib.metadata
import sys
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from grpc_support import HangingServer
from otlp_support import capture_diagnostics, free_port, no_proxies, request_of, run_client, until

from fapilog_otel.contracts import ExportResult
from fapilog_otel.errors import PermanentError, RetryableError
from fapilog_otel.receiver import Bomb, GrpcStatus, OtlpReceiver, Reply
from fapilog_otel_exporters.otlp_grpc._channels import EXPORT_METHOD
from fapilog_otel_exporters.otlp_grpc._exporter import OtlpGrpcExporter


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with no_proxies(monkeypatch):
        yield


@pytest.fixture
def receiver() -> Iterator[OtlpReceiver]:
    with OtlpReceiver(http_port=None, grpc_port=0) as running:
        yield running


@pytest.fixture
async def exporter(receiver: OtlpReceiver) -> AsyncIterator[OtlpGrpcExporter]:
    running = OtlpGrpcExporter(receiver.grpc_endpoint)
    await running.start()
    yield running
    await running.close()


class TestExport:
    @pytest.mark.parametrize("compression", ["none", "gzip", "deflate"])
    async def test_delivers_in_every_compression(self, receiver: OtlpReceiver, compression: str) -> None:
        exporter = OtlpGrpcExporter(receiver.grpc_endpoint, compression=compression)  # type: ignore[arg-type]
        await exporter.start()
        assert await exporter.export(request_of(300)) == ExportResult()
        await exporter.close()

        assert [log.body for log in receiver.logs] == [f"hello {number}" for number in range(300)]

    async def test_sends_headers_as_metadata_and_names_itself(self, receiver: OtlpReceiver) -> None:
        endpoint = receiver.grpc_endpoint.replace("//", "//user:p%40ss@")
        exporter = OtlpGrpcExporter(endpoint, headers={"X-Tenant": "shop"})
        await exporter.start()
        await exporter.export(request_of())
        await exporter.close()

        headers = receiver.requests[0].headers
        assert (headers["x-tenant"], headers["authorization"]) == ("shop", "Basic dXNlcjpwQHNz")
        assert headers["user-agent"].startswith(f"fapilog-otel/{importlib.metadata.version('fapilog-otel')} ")

    async def test_asks_a_headers_callable_each_time(self, receiver: OtlpReceiver) -> None:
        tokens = iter(["one", "two"])
        exporter = OtlpGrpcExporter(receiver.grpc_endpoint, headers=lambda: {"authorization": next(tokens)})
        await exporter.start()
        await exporter.export(request_of())
        await exporter.export(request_of())
        await exporter.close()

        assert [request.headers["authorization"] for request in receiver.requests] == ["one", "two"]

    async def test_metadata_of_a_callable_that_cannot_be_sent_is_permanent(self, receiver: OtlpReceiver) -> None:
        exporter = OtlpGrpcExporter(receiver.grpc_endpoint, headers=lambda: {"a$b": "x"})
        await exporter.start()
        with pytest.raises(PermanentError) as caught:
            await exporter.export(request_of())
        await exporter.close()

        assert caught.value.reason == "headers"

    async def test_runs_as_many_calls_at_once_as_it_says(self) -> None:
        with HangingServer() as server:
            exporter = OtlpGrpcExporter(server.endpoint, max_in_flight=5)
            await exporter.start()
            tasks = [asyncio.ensure_future(exporter.export(request_of())) for _ in range(5)]
            await until(lambda: server.calls == 5)
            server.release.set()
            assert await asyncio.gather(*tasks) == [ExportResult()] * 5
            await exporter.close()

    async def test_tells_the_server_its_deadline_and_gives_up_at_it(self) -> None:
        with HangingServer() as server:
            exporter = OtlpGrpcExporter(server.endpoint, timeout=0.2)
            await exporter.start()
            with pytest.raises(RetryableError) as caught:
                await exporter.export(request_of())
            await until(lambda: server.cancelled == 1)
            assert exporter._channels._current is None  # type: ignore[union-attr]  # a connection that may be dead
            await exporter.close()

        assert caught.value.reason == "grpc_deadline_exceeded"

    @pytest.mark.skipif(sys.platform == "win32", reason="Windows has no Unix sockets in gRPC")
    async def test_reaches_a_unix_socket(self, tmp_path: Path) -> None:
        server = grpc.server(ThreadPoolExecutor(1))
        service, method = EXPORT_METHOD[1:].split("/")
        handler = grpc.unary_unary_rpc_method_handler(lambda body, _: b"")
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {method: handler}),))
        server.add_insecure_port(f"unix:{tmp_path}/otel.sock")
        server.start()
        exporter = OtlpGrpcExporter(f"unix:{tmp_path}/otel.sock")
        await exporter.start()
        assert await exporter.export(request_of()) == ExportResult()
        await exporter.close()
        server.stop(None).wait()


class TestReplies:
    async def test_partial_success_is_reported(self, receiver: OtlpReceiver, exporter: OtlpGrpcExporter) -> None:
        receiver.script = [Reply(rejected=2, message="too old")]

        assert await exporter.export(request_of(5)) == ExportResult(2, "too old")

    async def test_exhausted_is_retried_with_retry_info_and_not_without(
        self, receiver: OtlpReceiver, exporter: OtlpGrpcExporter
    ) -> None:
        receiver.script = [
            Reply(grpc=GrpcStatus(code="RESOURCE_EXHAUSTED", details="quota", retry_delay=2.5)),
            Reply(grpc=GrpcStatus(code="RESOURCE_EXHAUSTED", details="quota")),
        ]

        with pytest.raises(RetryableError) as caught:
            await exporter.export(request_of())
        assert caught.value.delay == 2.5
        with pytest.raises(PermanentError):
            await exporter.export(request_of())

    async def test_a_message_larger_than_the_server_takes_says_so(self) -> None:
        with OtlpReceiver(http_port=None, grpc_port=0, max_request_bytes=10_000) as receiver:
            exporter = OtlpGrpcExporter(receiver.grpc_endpoint)
            await exporter.start()
            with pytest.raises(PermanentError) as caught:
                await exporter.export(request_of(1000))
            await exporter.close()

        assert caught.value.too_large

    async def test_a_huge_trailer_fails_the_request_and_not_the_exporter(
        self, receiver: OtlpReceiver, exporter: OtlpGrpcExporter
    ) -> None:
        receiver.script = [Reply(grpc=GrpcStatus(code="UNAVAILABLE", trailing=(("x-big", "a" * 60_000),)))]

        with pytest.raises((PermanentError, RetryableError)):
            await exporter.export(request_of())
        assert await exporter.export(request_of()) == ExportResult()

    @pytest.mark.parametrize("compressed", [True, False])
    def test_a_bomb_costs_at_most_8_mib(self, receiver: OtlpReceiver, compressed: bool) -> None:
        receiver.script = lambda request: Reply(fault=Bomb(100, compressed)) if "x-bomb" in request.headers else None

        result, kibibytes = run_client(BOMB_CLIENT, receiver.grpc_endpoint, "cannot be read").split("|")
        assert result == "ExportResult(rejected=0, message='')"
        assert int(kibibytes) <= 8 * 1024


BOMB_CLIENT = """
import resource
import structlog

async def main():
    bombs = iter([{}, {"x-bomb": "1"}])
    exporter = OtlpGrpcExporter(sys.argv[1], headers=lambda: next(bombs))
    await exporter.start()
    await exporter.export(request)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = await exporter.export(request)
    print(result, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, sep="|")
    await exporter.close()

asyncio.run(main())
"""


class TestCompression:
    async def test_that_the_server_does_not_know_is_given_up_without_losing_the_request(
        self, receiver: OtlpReceiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        reported = capture_diagnostics(monkeypatch)
        details = 'grpc: Decompressor is not installed for grpc-encoding "deflate"'
        receiver.script = [Reply(grpc=GrpcStatus(code="UNIMPLEMENTED", details=details))]
        exporter = OtlpGrpcExporter(receiver.grpc_endpoint, compression="deflate")
        await exporter.start()
        for _ in range(2):
            assert await exporter.export(request_of()) == ExportResult()
        await exporter.close()

        assert len(receiver.requests) == 3
        assert len(receiver.logs) == 2
        assert reported.kinds == ["otlp_grpc.compression"]

    async def test_is_not_blamed_for_an_unknown_method(self, receiver: OtlpReceiver) -> None:
        receiver.script = lambda _: Reply(grpc=GrpcStatus(code="UNIMPLEMENTED", details="unknown service"))
        exporter = OtlpGrpcExporter(receiver.grpc_endpoint, compression="gzip")
        await exporter.start()
        with pytest.raises(PermanentError):
            await exporter.export(request_of())
        await exporter.close()

        assert len(receiver.requests) == 1


class TestOutage:
    async def test_a_dead_endpoint_is_retryable_and_a_started_one_is_found_within_a_second(self) -> None:
        port = free_port()
        exporter = OtlpGrpcExporter(f"http://127.0.0.1:{port}")
        await exporter.start()
        loop = asyncio.get_running_loop()
        for _ in range(20):
            with pytest.raises(RetryableError) as caught:
                await exporter.export(request_of())
            assert caught.value.reason == "grpc_unavailable"
            await asyncio.sleep(0.05)
        with OtlpReceiver(http_port=None, grpc_port=port) as receiver:
            started = loop.time()
            while not receiver.logs:
                assert loop.time() - started < 2.0
                try:
                    await exporter.export(request_of())
                except RetryableError:
                    await asyncio.sleep(0.02)
        await exporter.close()
