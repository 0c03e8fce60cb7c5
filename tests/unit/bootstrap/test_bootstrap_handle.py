"""The handle: flush, shutdown, stats, sync and async; what happens at exit and on SIGTERM."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

import fapilog_otel as fo
from fapilog_otel.receiver import OtlpReceiver, Reply, Script
from fapilog_otel.telemetry.diagnostics import Diagnostics
from fapilog_otel_exporters.memory import MemoryExporter
from tests.contract.faces_support import run_python

Configure = Callable[..., fo.Handle]


class TestFlush:
    def test_true_when_delivered_false_when_refused(self, receiver: OtlpReceiver, configure: Configure) -> None:
        receiver.script = Script([Reply(), Reply(status=400)])
        handle = configure(endpoint=receiver.http_endpoint, sources=[])
        log = fo.get_logger("own")
        log.info("delivered")
        assert handle.flush(5) is True
        log.info("refused")
        assert handle.flush(5) is False

    def test_its_default_timeout_is_the_shutdown_timeout(self, receiver: OtlpReceiver, configure: Configure) -> None:
        receiver.script = Script(then=Reply(delay=30))
        handle = configure(endpoint=receiver.http_endpoint, sources=[], shutdown_timeout=0.3)
        fo.get_logger("own").info("x")
        started = time.monotonic()
        assert handle.flush() is False
        assert time.monotonic() - started < 1.0

    def test_attached_processors_are_flushed_too(self, memory: MemoryExporter, configure: Configure) -> None:
        class Failing:
            def on_emit(self, log_record: Any) -> None: ...

            def force_flush(self, timeout_millis: int) -> bool:
                return False

            def shutdown(self) -> None: ...

        handle = configure(exporters={"memory": memory}, sources=[])
        handle.provider.add_log_record_processor(Failing())
        assert handle.flush(1) is False

    async def test_the_async_twin_leaves_the_loop_running(self, receiver: OtlpReceiver, configure: Configure) -> None:
        receiver.script = Script(then=Reply(delay=0.3))
        handle = configure(endpoint=receiver.http_endpoint, sources=[])
        fo.get_logger("own").info("x")
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0.01)
                ticks += 1

        ticking = asyncio.ensure_future(tick())
        assert await handle.aflush(5) is True
        ticking.cancel()
        assert ticks > 5
        assert await handle.aflush(5) is True

    async def test_it_too_ends_with_its_timeout(self, receiver: OtlpReceiver, configure: Configure) -> None:
        receiver.script = Script(then=Reply(delay=30))
        handle = configure(endpoint=receiver.http_endpoint, sources=[], shutdown_timeout=0.2)
        fo.get_logger("own").info("x")
        started = time.monotonic()
        assert await handle.aflush(0.3) is False
        assert time.monotonic() - started < 1.0


class TestShutdown:
    def test_it_delivers_counts_and_ends(self, memory: MemoryExporter, configure: Configure) -> None:
        handle = configure(exporters={"memory": memory}, sources=[])
        fo.get_logger("own").info("x")
        assert handle.shutdown() is True
        assert handle.shutdown() is True
        assert handle.flush() is True
        stats = handle.stats()
        assert (stats.submitted, stats.delivered, stats.in_flight, stats.balanced) == (1, 1, 0, True)
        assert "closed" in repr(handle)

    def test_false_and_in_time_where_nobody_answers(self, receiver: OtlpReceiver, configure: Configure) -> None:
        receiver.script = Script(then=Reply(delay=30))
        handle = configure(endpoint=receiver.http_endpoint, sources=[])
        fo.get_logger("own").info("x")
        started = time.monotonic()
        assert handle.shutdown(0.4) is False
        assert time.monotonic() - started < 1.2
        assert handle.stats().balanced

    async def test_the_async_twin(self, memory: MemoryExporter, configure: Configure) -> None:
        handle = configure(exporters={"memory": memory}, sources=[])
        fo.get_logger("own").info("x")
        assert await handle.ashutdown() is True
        assert await handle.ashutdown() is True
        assert len(memory.records) == 1

    def test_processors_of_an_earlier_backend_are_gone_with_it(
        self, memory: MemoryExporter, configure: Configure
    ) -> None:
        class Counting:
            seen = shutdowns = 0

            def on_emit(self, log_record: Any) -> None:
                self.seen += 1

            def shutdown(self) -> None:
                self.shutdowns += 1

        processor = Counting()
        with configure(exporters={"memory": memory}, sources=[]) as first:
            first.provider.add_log_record_processor(processor)
            fo.get_logger("own").info("x")
        with configure(exporters={"memory": memory}, sources=[]):
            fo.get_logger("own").info("y")
        assert (processor.seen, processor.shutdowns, len(memory.records)) == (1, 1, 2)


class TestContextManager:
    def test_sync(self, memory: MemoryExporter, configure: Configure) -> None:
        with configure(exporters={"memory": memory}, sources=[]) as handle:
            fo.get_logger("own").info("x")
        assert (handle.closed, len(memory.records)) == (True, 1)

    async def test_async(self, memory: MemoryExporter, configure: Configure) -> None:
        async with configure(exporters={"memory": memory}, sources=[]) as handle:
            fo.get_logger("own").info("x")
        assert (handle.closed, len(memory.records)) == (True, 1)


class TestEndOfTheProcess:
    @pytest.mark.parametrize(
        "end",
        ["", "import sys; sys.exit(0)", "import threading; threading.Thread(target=log.info, args=('y',)).start()"],
    )
    def test_what_is_pending_is_delivered_at_exit(self, receiver: OtlpReceiver, end: str) -> None:
        run_python(
            f"""
            import fapilog_otel as fo
            fo.configure(sources=[])
            log = fo.get_logger("own")
            log.info("x")
            print(1, flush=True)
            {end}
            """,
            OTEL_EXPORTER_OTLP_ENDPOINT=receiver.http_endpoint,
        )
        assert "x" in [log.body for log in receiver.logs]

    @pytest.mark.parametrize("again", ["", "handle.shutdown(); fo.configure(sources=[], level='DEBUG')"])
    def test_sigterm_delivers_and_then_kills(self, receiver: OtlpReceiver, again: str) -> None:
        found = run_python(
            f"""
            import json, os, signal
            pid = os.fork()
            if pid == 0:
                import fapilog_otel as fo
                handle = fo.configure(sources=[])
                {again or "pass"}
                fo.get_logger("own").info("x")
                os.kill(os.getpid(), signal.SIGTERM)
                os._exit(1)
            _, status = os.waitpid(pid, 0)
            print(json.dumps(os.WTERMSIG(status) if os.WIFSIGNALED(status) else -1))
            """,
            OTEL_EXPORTER_OTLP_ENDPOINT=receiver.http_endpoint,
        )
        assert found == 15
        assert [log.body for log in receiver.logs] == ["x"]

    def test_an_applications_own_handler_is_left_alone_and_the_default_comes_back(self) -> None:
        found = run_python("""
            import json, signal
            import fapilog_otel as fo
            options = {"exporters": {"memory": {"type": "memory"}}, "sources": []}
            found = [signal.getsignal(signal.SIGTERM) is signal.SIG_DFL]
            with fo.configure(**options):
                found.append(signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL)
            found.append(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)
            with fo.configure(**options, handle_sigterm=False):
                found.append(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)
            mine = lambda *_: None
            signal.signal(signal.SIGTERM, mine)
            with fo.configure(**options):
                found.append(signal.getsignal(signal.SIGTERM) is mine)
            found.append(signal.getsignal(signal.SIGTERM) is mine)
            print(json.dumps(found))
            """)
        assert found == [True] * 6


class TestLosses:
    @pytest.mark.parametrize(
        ("timeout", "told"), [(0.2, "give it more than 0.2 s"), (None, "raise `shutdown_timeout`")]
    )
    def test_are_told_with_the_deadline_that_was_too_short(
        self,
        configure: Configure,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
        timeout: float | None,
        told: str,
    ) -> None:
        said = Diagnostics()
        monkeypatch.setattr("fapilog_otel.assembly.build.get_diagnostics", lambda: said)
        with OtlpReceiver(script=[Reply(delay=20)]) as receiver:
            handle = configure(endpoint=receiver.http_endpoint, sources=[], shutdown_timeout=0.2)
            fo.get_logger("own").error("x")
            assert not handle.shutdown(timeout)
        error = capsys.readouterr().err
        assert "1 record was not delivered before the shutdown deadline" in error
        assert told in error
