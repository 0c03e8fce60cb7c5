"""The gRPC exporter against a real gRPC server."""

from __future__ import annotations

import asyncio
import gc
import importlib.metadata
import os
import shutil
import subprocess
import sys
import threading
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from otlp_support import Pki, Reported, capture_diagnostics, free_port, no_proxies, request_of, until
from typing_extensions import Self

from fapilog_otel.contracts import ExportResult
from fapilog_otel.errors import PermanentError, RetryableError
from fapilog_otel.receiver import Bomb, GrpcStatus, OtlpReceiver, ReceiverTls, Reply
from fapilog_otel_exporters.otlp_grpc._channels import EXPORT_METHOD
from fapilog_otel_exporters.otlp_grpc._exporter import OtlpGrpcExporter


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with no_proxies(monkeypatch):
        yield


@pytest.fixture
def reported(monkeypatch: pytest.MonkeyPatch) -> Reported:
    return capture_diagnostics(monkeypatch)


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


def call_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("fapilog-otel-grpc-")]


class HangingServer:
    """A server whose calls hang until they are cancelled, or released."""

    def __init__(self) -> None:
        self.calls = 0
        self.cancelled = 0
        self.release = threading.Event()
        self._server = grpc.server(ThreadPoolExecutor(8))
        handler = grpc.unary_unary_rpc_method_handler(self._hang)
        service, method = EXPORT_METHOD[1:].split("/")
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {method: handler}),))
        self.endpoint = f"http://127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"

    def _hang(self, _: bytes, context: grpc.ServicerContext) -> bytes:
        self.calls += 1
        ended = threading.Event()
        context.add_callback(ended.set)
        while not self.release.wait(0.01):
            if ended.is_set():
                self.cancelled += 1
                break
        return b""

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.release.set()
        self._server.stop(None).wait()


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
        grown = subprocess.run(
            [sys.executable, "-c", BOMB_CLIENT, receiver.grpc_endpoint],
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        )

        result, kibibytes = grown.stdout.split("|")
        assert result == "ExportResult(rejected=0, message='')"
        assert int(kibibytes) <= 8 * 1024


BOMB_CLIENT = """
import asyncio, resource, sys
from fapilog_otel.contracts import EncodedLogs
from fapilog_otel.model.record import Record
from fapilog_otel.model.scope import Scope
from fapilog_otel_exporters.otlp_grpc._exporter import OtlpGrpcExporter
import structlog

scope = Scope("shop")
record = Record(
    timestamp=1, observed_timestamp=1, severity_number=9, severity_text="INFO", body="x", attributes={}, scope=scope
)
async def main():
    bombs = iter([{}, {"x-bomb": "1"}])
    exporter = OtlpGrpcExporter(sys.argv[1], headers=lambda: next(bombs))
    await exporter.start()
    request = EncodedLogs.from_records([record])
    await exporter.export(request)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = await exporter.export(request)
    print(result, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, sep="|")
    await exporter.close()
asyncio.run(main())
"""


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


class TestCancellation:
    async def test_ends_the_call_and_leaves_the_exporter_usable(self) -> None:
        with HangingServer() as server:
            exporter = OtlpGrpcExporter(server.endpoint)
            await exporter.start()
            task = asyncio.ensure_future(exporter.export(request_of()))
            await until(lambda: server.calls == 1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await until(lambda: server.cancelled == 1)

            server.release.set()
            assert await exporter.export(request_of()) == ExportResult()
            await exporter.close()

    async def test_does_not_disturb_other_calls(self) -> None:
        with HangingServer() as server:
            exporter = OtlpGrpcExporter(server.endpoint)
            await exporter.start()
            first, second = (asyncio.ensure_future(exporter.export(request_of())) for _ in range(2))
            await until(lambda: server.calls == 2)
            first.cancel()
            with pytest.raises(asyncio.CancelledError):
                await first
            server.release.set()

            assert await second == ExportResult()
            await exporter.close()


class TestLifeCycle:
    async def test_close_ends_hanging_calls_threads_and_every_channel(self, monkeypatch: pytest.MonkeyPatch) -> None:
        channels: list[weakref.ref[grpc.Channel]] = []
        real = grpc.insecure_channel

        def tracked(*args: object) -> grpc.Channel:
            channel = real(*args)  # type: ignore[arg-type]
            channels.append(weakref.ref(channel))
            return channel

        monkeypatch.setattr(grpc, "insecure_channel", tracked)
        before = len(call_threads())
        with HangingServer() as server:
            exporter = OtlpGrpcExporter(server.endpoint, timeout=60)
            await exporter.start()
            await exporter.start()
            assert len(call_threads()) == before + 8
            tasks = [asyncio.ensure_future(exporter.export(request_of())) for _ in range(3)]
            await until(lambda: server.calls == 3)
            await exporter.close()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            await exporter.close()

        assert all(isinstance(result, RetryableError) for result in results)
        assert len(call_threads()) == before
        assert [reference() for reference in channels] == [None]  # though the errors' tracebacks are still there

    async def test_nothing_of_a_channel_is_left_after_close(
        self, receiver: OtlpReceiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        channels: list[weakref.ref[grpc.Channel]] = []
        real: Callable[..., grpc.Channel] = grpc.insecure_channel

        def tracked(*args: object) -> grpc.Channel:
            channel = real(*args)
            channels.append(weakref.ref(channel))
            return channel

        monkeypatch.setattr(grpc, "insecure_channel", tracked)
        gc.disable()  # a fork must find nothing even if no collection has run
        try:
            exporter = OtlpGrpcExporter(receiver.grpc_endpoint)
            await exporter.start()
            await exporter.export(request_of())
            await exporter.close()
            assert [reference() for reference in channels] == [None]
        finally:
            gc.enable()

    async def test_export_outside_start_and_close_is_retryable(self, receiver: OtlpReceiver) -> None:
        exporter = OtlpGrpcExporter(receiver.grpc_endpoint)
        with pytest.raises(RetryableError):
            await exporter.export(request_of())
        await exporter.start()
        await exporter.close()
        with pytest.raises(RetryableError):
            await exporter.export(request_of())

    def test_works_on_another_loop_after_close(self, receiver: OtlpReceiver) -> None:
        exporter = OtlpGrpcExporter(receiver.grpc_endpoint)

        async def cycle() -> None:
            await exporter.start()
            await exporter.export(request_of())
            await exporter.close()

        for _ in range(3):
            asyncio.run(cycle())

        assert len(receiver.logs) == 3

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform cannot fork")
    def test_works_on_both_sides_of_a_fork_it_was_closed_for(self) -> None:
        with _SubprocessReceiver() as endpoint:
            script = subprocess.run(
                [sys.executable, "-c", FORK_CLIENT, endpoint], capture_output=True, text=True, timeout=60, check=False
            )
        assert script.stderr == ""
        assert script.stdout.split() == ["ok"] * 6

    def test_delivers_while_the_interpreter_exits(self, receiver: OtlpReceiver) -> None:
        for _ in range(2):
            subprocess.run([sys.executable, "-c", EXIT_CLIENT, receiver.grpc_endpoint], timeout=30, check=True)

        assert len(receiver.logs) == 2


class _SubprocessReceiver:
    """A receiver in a process of its own, so that no gRPC state of a server is in the one that forks."""

    def __enter__(self) -> str:
        code = (
            "import sys; from fapilog_otel.receiver import OtlpReceiver\n"
            "with OtlpReceiver(http_port=None, grpc_port=0) as receiver:\n"
            "    print(receiver.grpc_endpoint, flush=True); sys.stdin.read()"
        )
        self._process = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=30)


FORK_CLIENT = """
import asyncio, os, sys
from fapilog_otel.contracts import EncodedLogs
from fapilog_otel.model.record import Record
from fapilog_otel.model.scope import Scope
from fapilog_otel_exporters.otlp_grpc._exporter import OtlpGrpcExporter

scope = Scope("shop")
record = Record(
    timestamp=1, observed_timestamp=1, severity_number=9, severity_text="INFO", body="x", attributes={}, scope=scope
)
exporter = OtlpGrpcExporter(sys.argv[1])
request = EncodedLogs.from_records([record])
async def send():
    await exporter.start()
    await exporter.export(request)
    await exporter.close()
asyncio.run(send())
os.write(1, b"ok\\n")
children = []
for _ in range(4):
    child = os.fork()
    if not child:
        asyncio.run(send())
        os.write(1, b"ok\\n")
        os._exit(0)
    children.append(child)
for child in children:
    assert os.waitpid(child, 0)[1] == 0
asyncio.run(send())
os.write(1, b"ok\\n")
"""

EXIT_CLIENT = """
import asyncio, atexit, sys, threading
from fapilog_otel.contracts import EncodedLogs
from fapilog_otel.model.record import Record
from fapilog_otel.model.scope import Scope
from fapilog_otel_exporters.otlp_grpc._exporter import OtlpGrpcExporter

scope = Scope("shop")
record = Record(
    timestamp=1, observed_timestamp=1, severity_number=9, severity_text="INFO", body="x", attributes={}, scope=scope
)
exporter = OtlpGrpcExporter(sys.argv[1])
request = EncodedLogs.from_records([record])
loop = asyncio.new_event_loop()
loop.run_until_complete(exporter.start())
threading.Thread(target=loop.run_forever, daemon=True).start()

async def last_words():
    await exporter.export(request)
    await exporter.close()

atexit.register(lambda: asyncio.run_coroutine_threadsafe(last_words(), loop).result(10))
"""


class TestTls:
    @pytest.fixture
    def pki(self, tmp_path: Path) -> Pki:
        return Pki(tmp_path)

    @staticmethod
    def server_files(pki: Pki, *names: str) -> tuple[Path, Path]:
        chain, key = pki.folder / "server.pem", pki.folder / "server.key"
        issued = pki.authority.issue_cert(*names)
        chain.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        key.write_bytes(issued.private_key_pem.bytes())
        return chain, key

    async def deliver(self, endpoint: str, **options: object) -> None:
        exporter = OtlpGrpcExporter(endpoint, **options)  # type: ignore[arg-type]
        exporter.validate()
        await exporter.start()
        try:
            await exporter.export(request_of())
        finally:
            await exporter.close()

    async def test_verifies_the_server(self, pki: Pki) -> None:
        tls = ReceiverTls(*self.server_files(pki, "127.0.0.1"))
        with OtlpReceiver(http_port=None, grpc_port=0, tls=tls) as receiver:
            await self.deliver(receiver.grpc_endpoint, certificate=pki.ca)
            await self.deliver(receiver.grpc_endpoint.removeprefix("https://"), certificate=pki.ca.read_bytes())
            with pytest.raises(RetryableError):
                await self.deliver(receiver.grpc_endpoint)
            assert len(receiver.logs) == 2

    async def test_refuses_another_host_name(self, pki: Pki) -> None:
        tls = ReceiverTls(*self.server_files(pki, "other.example"))
        with OtlpReceiver(http_port=None, grpc_port=0, tls=tls) as receiver:
            with pytest.raises(RetryableError):
                await self.deliver(receiver.grpc_endpoint, certificate=pki.ca)
            assert not receiver.logs

    async def test_presents_the_client_certificate_and_takes_a_rotated_one_between_requests(
        self, pki: Pki, reported: Reported
    ) -> None:
        tls = ReceiverTls(*self.server_files(pki, "127.0.0.1"), client_ca=pki.ca)
        chain, key = pki.pair("client")
        new_chain, new_key = pki.pair("new")
        with OtlpReceiver(http_port=None, grpc_port=0, tls=tls) as receiver:
            with pytest.raises(RetryableError):
                await self.deliver(receiver.grpc_endpoint, certificate=pki.ca)
            exporter = OtlpGrpcExporter(
                receiver.grpc_endpoint, certificate=pki.ca, client_certificate=chain, client_key=key
            )
            await exporter.start()
            await exporter.export(request_of())
            first = exporter._channels._current  # type: ignore[union-attr]
            shutil.copy(new_chain, chain)
            await exporter.export(request_of())
            assert exporter._channels._current is first  # type: ignore[union-attr]
            assert reported.kinds == ["tls.reload"]
            shutil.copy(new_key, key)
            await exporter.export(request_of())
            assert exporter._channels._current is not first  # type: ignore[union-attr]
            await exporter.close()
            assert len(receiver.logs) == 3
