from __future__ import annotations

import asyncio
import gc
import os
import threading
import time
import weakref
from collections.abc import Callable

import pytest

from fapilog_otel.contracts import EncodedLogs, Exporter, ExporterTraits, ExportResult
from fapilog_otel.delivery.blocking import BlockingRunner
from fapilog_otel.errors import ConfigError, DeliveryError, PermanentError, RetryableError
from fapilog_otel.telemetry.origin import is_internal
from tests.unit.delivery.doubles import DELIVERED, request_of


class BlockingExporter:
    """Blocks in `export` until released, and remembers what was called where."""

    traits = ExporterTraits(max_in_flight=2, blocking=True, fork_safe=False)

    def __init__(self, step: Callable[[EncodedLogs], ExportResult] = lambda _: DELIVERED) -> None:
        self.step = step
        self.entered = threading.Event()
        self.release = threading.Event()
        self.calls: list[tuple[str, int]] = []
        self.internal: set[bool] = set()

    def validate(self) -> None:
        raise ConfigError("path", "/", "is a directory", "name a file")

    async def start(self) -> None:
        self._note("start")

    async def export(self, request: EncodedLogs) -> ExportResult:
        self._note("export")
        self.entered.set()
        return self.step(request)

    async def close(self) -> None:
        self._note("close")

    def _note(self, name: str) -> None:
        self.calls.append((name, threading.get_ident()))
        self.internal.add(is_internal())

    def wait_for_release(self, _: EncodedLogs) -> ExportResult:
        assert self.release.wait(30)
        return DELIVERED


def hanging() -> BlockingExporter:
    exporter = BlockingExporter()
    exporter.step = exporter.wait_for_release
    return exporter


async def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.005)


class TestBlockingRunner:
    async def test_everything_runs_on_one_thread_of_its_own_marked_as_ours(self) -> None:
        exporter = BlockingExporter()
        runner = BlockingRunner(exporter, "disk")
        await runner.start()
        assert await runner.export(request_of(1)) is DELIVERED
        await runner.close()
        assert [name for name, _ in exporter.calls] == ["start", "export", "close"]
        [ident] = {ident for _, ident in exporter.calls}
        assert ident != threading.get_ident()
        assert exporter.internal == {True}

    async def test_the_loop_goes_on_while_the_exporter_blocks(self) -> None:
        exporter = hanging()
        runner = BlockingRunner(exporter, "disk")
        await runner.start()
        task = asyncio.ensure_future(runner.export(request_of(1)))
        await until(exporter.entered.is_set)
        assert not task.done()
        exporter.release.set()
        assert await task is DELIVERED
        await runner.close()

    @pytest.mark.parametrize("error", [PermanentError("no"), RetryableError("later", delay=2.0), KeyError("bug")])
    async def test_errors_reach_the_caller(self, error: Exception) -> None:
        def fail(_: EncodedLogs) -> ExportResult:
            raise error

        runner = BlockingRunner(BlockingExporter(fail), "disk")
        await runner.start()
        with pytest.raises(type(error)) as caught:
            await runner.export(request_of(1))
        assert caught.value is error
        await runner.close()

    async def test_an_exporter_that_exits_loses_its_request_and_the_thread_goes_on(self) -> None:
        def leave(_: EncodedLogs) -> ExportResult:
            exporter.step = lambda _: DELIVERED
            raise SystemExit(1)

        exporter = BlockingExporter(leave)
        runner = BlockingRunner(exporter, "disk")
        await runner.start()
        with pytest.raises(PermanentError, match="SystemExit"):
            await runner.export(request_of(1))
        assert await runner.export(request_of(1)) is DELIVERED
        await runner.close()

    async def test_an_exporter_that_really_suspends_works_too(self) -> None:
        class Suspending(BlockingExporter):
            async def export(self, request: EncodedLogs) -> ExportResult:
                await asyncio.sleep(0.01)
                return await super().export(request)

        runner = BlockingRunner(Suspending(), "disk")
        await runner.start()
        assert await runner.export(request_of(1)) is DELIVERED
        await runner.close()

    async def test_a_cancelled_call_is_abandoned_at_once_and_the_thread_serves_the_next(self) -> None:
        exporter = hanging()
        runner = BlockingRunner(exporter, "disk")
        await runner.start()
        task = asyncio.ensure_future(runner.export(request_of(1)))
        await until(exporter.entered.is_set)
        begun = time.monotonic()
        task.cancel()
        await asyncio.wait([task], timeout=10)
        assert task.cancelled()
        assert time.monotonic() - begun < 5
        exporter.release.set()
        assert await runner.export(request_of(1)) is DELIVERED
        await runner.close()

    async def test_a_call_abandoned_before_it_began_is_skipped_and_its_request_let_go(self) -> None:
        exporter = hanging()
        runner = BlockingRunner(exporter, "disk")
        await runner.start()
        running = asyncio.ensure_future(runner.export(request_of(1)))
        await until(exporter.entered.is_set)
        request = _Tracked()
        waiting = asyncio.ensure_future(runner.export(request))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        gone = weakref.ref(request)
        del request, waiting
        gc.collect()
        assert gone() is None
        exporter.release.set()
        await running
        await runner.close()
        assert [name for name, _ in exporter.calls] == ["start", "export", "close"]

    async def test_a_request_is_let_go_when_it_is_done(self) -> None:
        runner = BlockingRunner(BlockingExporter(), "disk")
        await runner.start()
        request = _Tracked()
        await runner.export(request)  # type: ignore[arg-type]
        gone = weakref.ref(request)
        del request
        await until(lambda: gc.collect() is not None and gone() is None)
        await runner.close()

    async def test_calls_beyond_the_capacity_are_turned_away_as_retryable(self) -> None:
        exporter = hanging()
        runner = BlockingRunner(exporter, "disk", capacity=2)
        await runner.start()
        accepted = [asyncio.ensure_future(runner.export(request_of(1))) for _ in range(2)]
        await until(exporter.entered.is_set)
        with pytest.raises(RetryableError) as caught:
            await runner.export(request_of(1))
        assert caught.value.reason == "busy"
        exporter.release.set()
        assert await asyncio.gather(*accepted) == [DELIVERED] * 2
        assert await runner.export(request_of(1)) is DELIVERED
        await runner.close()

    async def test_closing_a_hanging_exporter_is_bounded_and_says_so(self) -> None:
        exporter = hanging()
        runner = BlockingRunner(exporter, "disk", close_timeout=0.2)
        await runner.start()
        task = asyncio.ensure_future(runner.export(request_of(1)))
        await until(exporter.entered.is_set)
        begun = time.monotonic()
        with pytest.raises(DeliveryError, match="did not close within"):
            await runner.close()
        assert 0.15 < time.monotonic() - begun < 5
        thread = next(thread for thread in threading.enumerate() if thread.name == "fapilog_otel disk")
        assert thread.daemon
        exporter.release.set()
        await task
        await until(lambda: not thread.is_alive())
        assert "close" not in [name for name, _ in exporter.calls], "a late close would hit what was started anew"

    async def test_it_can_be_started_again_after_close(self) -> None:
        exporter = BlockingExporter()
        runner = BlockingRunner(exporter, "disk")
        for _ in range(3):
            await runner.start()
            assert await runner.export(request_of(1)) is DELIVERED
            await runner.close()
        await until(lambda: "fapilog_otel disk" not in [thread.name for thread in threading.enumerate()])

    async def test_exporting_before_start_or_after_close_is_retryable(self) -> None:
        runner = BlockingRunner(BlockingExporter(), "disk")
        with pytest.raises(RetryableError) as caught:
            await runner.export(request_of(1))
        assert caught.value.reason == "closed"
        await runner.close()

    async def test_a_failing_start_is_raised(self) -> None:
        class Broken(BlockingExporter):
            async def start(self) -> None:
                raise OSError("read-only file system")

        runner = BlockingRunner(Broken(), "disk")
        with pytest.raises(OSError, match="read-only"):
            await runner.start()
        await runner.close()

    async def test_where_no_thread_can_start_any_more_start_says_so(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(_: threading.Thread) -> None:
            raise RuntimeError("can't create new thread at interpreter shutdown")

        runner = BlockingRunner(BlockingExporter(), "disk")
        with monkeypatch.context() as patched:
            patched.setattr(threading.Thread, "start", refuse)
            with pytest.raises(RuntimeError, match="new thread"):
                await runner.start()
        await runner.close()

    def test_it_is_an_exporter_that_does_not_block(self) -> None:
        runner = BlockingRunner(BlockingExporter(), "disk")
        assert isinstance(runner, Exporter)
        assert runner.traits == ExporterTraits(max_in_flight=2, blocking=False, fork_safe=False)
        with pytest.raises(ConfigError, match="is a directory"):
            runner.validate()

    def test_a_result_that_comes_after_the_loop_is_gone_harms_nothing(self) -> None:
        exporter = hanging()
        runner = BlockingRunner(exporter, "disk", close_timeout=0.1)

        async def leave_in_the_middle() -> None:
            await runner.start()
            task = asyncio.ensure_future(runner.export(request_of(1)))
            await until(exporter.entered.is_set)
            task.cancel()

        asyncio.run(leave_in_the_middle())
        exporter.release.set()

        async def again() -> ExportResult:
            await runner.start()
            try:
                return await runner.export(request_of(1))
            finally:
                await runner.close()

        assert asyncio.run(again()) is DELIVERED

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
    def test_a_forked_child_closes_and_starts_it_anew(self) -> None:
        exporter = BlockingExporter()
        runner = BlockingRunner(exporter, "disk")
        asyncio.run(runner.start())

        async def reopen() -> None:
            await runner.close()
            await runner.start()
            assert await runner.export(request_of(1)) is DELIVERED
            await runner.close()

        child = os.fork()
        if child == 0:
            try:
                asyncio.run(reopen())
                os._exit(0)
            finally:
                os._exit(1)
        deadline = time.monotonic() + 20
        while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0):
            assert time.monotonic() < deadline, "the child hangs"
            time.sleep(0.01)
        assert os.waitstatus_to_exitcode(ended[1]) == 0
        asyncio.run(runner.close())


class _Tracked:
    """Stands for a request that a weak reference can watch."""

    count = 1
