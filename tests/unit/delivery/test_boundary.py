from __future__ import annotations

import asyncio
import threading

import pytest

from fapilog_otel.contracts import ExportResult
from fapilog_otel.delivery.boundary import Boundary
from fapilog_otel.errors import PermanentError, RetryableError
from tests.unit.delivery.doubles import DELIVERED, ScriptedExporter, request_of, virtual_time


class Unprintable(Exception):
    def __str__(self) -> str:
        raise ValueError("no text today")


class TestBoundary:
    @virtual_time
    async def test_passes_a_result_on(self) -> None:
        assert await Boundary(ScriptedExporter(DELIVERED)).export(request_of(1)) is DELIVERED

    @pytest.mark.parametrize("error", [PermanentError("no", reason="http_400"), RetryableError("later", delay=3.0)])
    def test_passes_delivery_errors_on(self, error: Exception) -> None:
        @virtual_time
        async def check() -> None:
            with pytest.raises(type(error)) as caught:
                await Boundary(ScriptedExporter(error)).export(request_of(1))
            assert caught.value is error

        check()

    @virtual_time
    async def test_a_bug_of_the_exporter_is_a_permanent_error_that_names_it(self) -> None:
        with pytest.raises(PermanentError, match="KeyError: 'shard'") as caught:
            await Boundary(ScriptedExporter(KeyError("shard"))).export(request_of(1))
        assert caught.value.reason == "exporter_error"
        assert isinstance(caught.value.__cause__, KeyError)

    @virtual_time
    async def test_an_exception_without_a_text_is_named_all_the_same(self) -> None:
        with pytest.raises(PermanentError, match=r"Unprintable: .*ValueError"):
            await Boundary(ScriptedExporter(Unprintable())).export(request_of(1))

    @pytest.mark.parametrize("answer", [None, True, False, "ok", 0])
    def test_an_exporter_that_returns_something_else_is_not_believed(self, answer: object) -> None:
        @virtual_time
        async def check() -> None:
            with pytest.raises(PermanentError, match=f"returned {type(answer).__name__}"):
                await Boundary(ScriptedExporter(answer)).export(request_of(1))

        check()

    @pytest.mark.parametrize(("said", "believed"), [(-5, 0), (0, 0), (3, 3), (4, 4), (2**62, 4)])
    def test_rejected_counts_stay_within_the_request(self, said: int, believed: int) -> None:
        @virtual_time
        async def check() -> None:
            result = await Boundary(ScriptedExporter(ExportResult(said, "text"))).export(request_of(4))
            assert result == ExportResult(believed, "text")

        check()

    @virtual_time
    async def test_a_cancellation_passes_through(self) -> None:
        with pytest.raises(asyncio.CancelledError):
            await Boundary(ScriptedExporter(asyncio.CancelledError())).export(request_of(1))

    def test_a_plugin_that_exits_does_not_end_our_thread(self) -> None:
        caught: list[BaseException] = []

        @virtual_time
        async def export() -> None:
            try:
                await Boundary(ScriptedExporter(SystemExit(3))).export(request_of(1))
            except BaseException as error:
                caught.append(error)

        thread = threading.Thread(target=export)
        thread.start()
        thread.join(10)
        assert [type(error) for error in caught] == [PermanentError]

    def test_on_the_main_thread_an_exit_is_an_exit(self) -> None:
        @virtual_time
        async def check() -> None:
            with pytest.raises(SystemExit):
                await Boundary(ScriptedExporter(SystemExit(3))).export(request_of(1))

        check()
