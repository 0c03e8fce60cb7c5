"""Loops, threads, closing and forks: what the HTTP exporter is made of from start to close."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator

import pytest
from otlp_support import Answer, RawServer, raw_server, request_of, run_client, until

from fapilog_otel.errors import RetryableError
from fapilog_otel.receiver import OtlpReceiver
from fapilog_otel_exporters.otlp_http._exporter import OtlpHttpExporter


@pytest.fixture
async def server() -> AsyncIterator[RawServer]:
    async with raw_server() as running:
        yield running


class TestLoops:
    async def test_one_that_cannot_watch_sockets_is_polled_for(
        self, server: RawServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def unsupported(*_: object) -> None:
            raise NotImplementedError

        exporter = OtlpHttpExporter(server.url)
        await exporter.start()
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(loop, "add_reader", unsupported)
        monkeypatch.setattr(loop, "remove_reader", unsupported)
        await exporter.export(request_of(20_000, "x" * 400))
        server.answers = [Answer(b"", hang=True)]
        task = asyncio.ensure_future(exporter.export(request_of()))
        await until(lambda: len(server.requests) == 2)
        await exporter.close()
        with pytest.raises(RetryableError):
            await task


class TestLifeCycle:
    async def test_start_twice_and_close_twice_are_harmless(self, server: RawServer) -> None:
        exporter = OtlpHttpExporter(server.url)
        await exporter.start()
        await exporter.start()
        await exporter.export(request_of())
        await exporter.close()
        await exporter.close()
        await until(lambda: server.open == 0)

    @pytest.mark.parametrize(("host", "threads"), [("127.0.0.1", 0), ("localhost", 1)])
    async def test_a_thread_is_started_for_a_host_that_is_a_name_only(
        self, server: RawServer, host: str, threads: int
    ) -> None:
        others = set(threading.enumerate())  # of other tests: they may live on

        def running() -> int:
            return sum(thread.name == "fapilog-otel-resolver" for thread in set(threading.enumerate()) - others)

        exporter = OtlpHttpExporter(server.url.replace("127.0.0.1", host))
        await exporter.start()

        assert running() == threads
        await exporter.close()
        await until(lambda: running() == 0)

    async def test_export_outside_start_and_close_is_retryable(self, server: RawServer) -> None:
        exporter = OtlpHttpExporter(server.url)
        with pytest.raises(RetryableError):
            await exporter.export(request_of())
        await exporter.start()
        await exporter.close()
        with pytest.raises(RetryableError):
            await exporter.export(request_of())

    def test_works_on_another_loop_after_close(self) -> None:
        with OtlpReceiver() as receiver:
            exporter = OtlpHttpExporter(receiver.http_endpoint.replace("127.0.0.1", "localhost") + "/v1/logs")

            async def cycle() -> None:
                await exporter.start()
                await exporter.export(request_of())
                await exporter.close()

            for _ in range(3):
                asyncio.run(cycle())

            assert len(receiver.logs) == 3

    async def test_close_makes_requests_under_way_retryable(self, server: RawServer) -> None:
        server.answers = [Answer(b"", hang=True)]
        exporter = OtlpHttpExporter(server.url)
        await exporter.start()
        task = asyncio.ensure_future(exporter.export(request_of()))
        await until(lambda: server.requests)
        await exporter.close()

        with pytest.raises(RetryableError):
            await task

    async def test_uses_no_executor_and_no_resolver_of_asyncio(
        self, server: RawServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        loop = asyncio.get_running_loop()

        def refuse(*_: object, **__: object) -> None:
            raise AssertionError("an executor was used")

        for name in ("run_in_executor", "getaddrinfo", "getnameinfo"):
            monkeypatch.setattr(loop, name, refuse)
        exporter = OtlpHttpExporter(server.url.replace("127.0.0.1", "localhost"))
        await exporter.start()
        await exporter.export(request_of())
        await exporter.close()

        assert len(server.requests) == 1

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform cannot fork")
    def test_abandon_in_a_forked_child_leaves_the_parents_connection_alone(self) -> None:
        with OtlpReceiver() as receiver:
            assert run_client(FORK_CLIENT, receiver.http_endpoint + "/v1/logs") == "kept\n"
            assert len(receiver.logs) == 3


FORK_CLIENT = """
import os

exporter = OtlpHttpExporter(sys.argv[1])
loop = asyncio.new_event_loop()
loop.run_until_complete(exporter.start())
loop.run_until_complete(exporter.export(request))
child = os.fork()
if child == 0:
    exporter.abandon()
    own = asyncio.new_event_loop()
    own.run_until_complete(exporter.start())
    own.run_until_complete(exporter.export(request))
    own.run_until_complete(exporter.close())
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
kept = exporter._client._idle[0]
loop.run_until_complete(exporter.export(request))
print("kept" if exporter._client._idle == [kept] else "replaced")
loop.run_until_complete(exporter.close())
loop.close()
"""
