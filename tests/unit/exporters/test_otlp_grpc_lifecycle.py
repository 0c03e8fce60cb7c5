"""Start, cancel, close, fork and exit of the gRPC exporter: what is left of it, and when."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import weakref
from collections.abc import Callable, Iterator

import grpc
import pytest
from grpc_support import HangingServer, SubprocessReceiver
from otlp_support import no_proxies, request_of, run_client, until

from fapilog_otel.contracts import ExportResult
from fapilog_otel.errors import PermanentError, RetryableError
from fapilog_otel.receiver import OtlpReceiver
from fapilog_otel_exporters.otlp_grpc._exporter import OtlpGrpcExporter


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with no_proxies(monkeypatch):
        yield


@pytest.fixture
def receiver() -> Iterator[OtlpReceiver]:
    with OtlpReceiver(http_port=None, grpc_port=0) as running:
        yield running


def call_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("fapilog-otel-grpc-")]


def tracked_channels(monkeypatch: pytest.MonkeyPatch) -> list[weakref.ref[grpc.Channel]]:
    """Give a list that gets a weak reference to every channel made from now on."""
    channels: list[weakref.ref[grpc.Channel]] = []
    real: Callable[..., grpc.Channel] = grpc.insecure_channel

    def tracked(*args: object) -> grpc.Channel:
        channel = real(*args)
        channels.append(weakref.ref(channel))
        return channel

    monkeypatch.setattr(grpc, "insecure_channel", tracked)
    return channels


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
        channels = tracked_channels(monkeypatch)
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
        channels = tracked_channels(monkeypatch)
        gc.disable()  # a fork must find nothing even if no collection has run
        try:
            exporter = OtlpGrpcExporter(receiver.grpc_endpoint)
            await exporter.start()
            await exporter.export(request_of())
            await exporter.close()
            assert [reference() for reference in channels] == [None]
        finally:
            gc.enable()

    async def test_refuses_work_in_a_process_forked_while_it_was_open(self, receiver: OtlpReceiver) -> None:
        exporter = OtlpGrpcExporter(receiver.grpc_endpoint)
        exporter.abandon()
        await exporter.start()  # it was not open: nothing is lost
        threads = exporter._threads
        exporter.abandon()
        for refused in (exporter.start(), exporter.export(request_of())):
            with pytest.raises(PermanentError) as caught:
                await refused
            assert caught.value.reason == "grpc_fork"
        assert threads is not None
        threads.stop()

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
        with SubprocessReceiver() as endpoint:
            assert run_client(FORK_CLIENT, endpoint).split() == ["ok"] * 6

    def test_delivers_while_the_interpreter_exits(self, receiver: OtlpReceiver) -> None:
        for _ in range(2):
            run_client(EXIT_CLIENT, receiver.grpc_endpoint)

        assert len(receiver.logs) == 2


FORK_CLIENT = """
import os

exporter = OtlpGrpcExporter(sys.argv[1])

async def send():
    await exporter.start()
    await exporter.export(request)
    await exporter.close()
    os.write(1, b"ok\\n")

asyncio.run(send())
children = []
for _ in range(4):
    child = os.fork()
    if not child:
        asyncio.run(send())
        os._exit(0)
    children.append(child)
for child in children:
    assert os.waitpid(child, 0)[1] == 0
asyncio.run(send())
"""

EXIT_CLIENT = """
import atexit, threading

exporter = OtlpGrpcExporter(sys.argv[1])
loop = asyncio.new_event_loop()
loop.run_until_complete(exporter.start())
threading.Thread(target=loop.run_forever, daemon=True).start()

async def last_words():
    await exporter.export(request)
    await exporter.close()

atexit.register(lambda: asyncio.run_coroutine_threadsafe(last_words(), loop).result(10))
"""
