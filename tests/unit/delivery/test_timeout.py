from __future__ import annotations

import asyncio
import gc

import pytest

from fapilog_otel.contracts import EncodedLogs, ExportResult
from fapilog_otel.delivery.control import Control
from fapilog_otel.delivery.timeout import Timeout
from fapilog_otel.errors import PermanentError, RetryableError
from tests.unit.delivery.doubles import DELIVERED, ScriptedExporter, request_of, stay_away, virtual_clock, virtual_time


def timeout_of(step: object, *, seconds: float = 10, grace: float = 0.2) -> tuple[Timeout, Control]:
    control = Control(virtual_clock)
    return Timeout(ScriptedExporter(step), seconds, control, grace=grace), control


async def slow_success(request: EncodedLogs) -> ExportResult:
    await asyncio.sleep(9.9)
    return DELIVERED


class TestTimeout:
    @virtual_time
    async def test_an_answer_in_time_is_passed_on(self) -> None:
        timeout, _ = timeout_of(slow_success)
        assert await timeout.export(request_of(1)) is DELIVERED

    @virtual_time
    async def test_errors_are_passed_on(self) -> None:
        timeout, _ = timeout_of(PermanentError("no"))
        with pytest.raises(PermanentError, match="no"):
            await timeout.export(request_of(1))

    @virtual_time
    async def test_no_answer_in_time_is_retryable(self) -> None:
        timeout, _ = timeout_of(stay_away)
        before = virtual_clock()
        with pytest.raises(RetryableError, match="no answer within 10 s") as caught:
            await timeout.export(request_of(1))
        assert caught.value.reason == "timeout"
        assert virtual_clock() - before == 10

    @virtual_time
    async def test_a_slow_drip_does_not_outlive_it(self) -> None:
        async def drip(request: EncodedLogs) -> None:
            while True:  # noqa: ASYNC110 - a byte a second, nothing to wait for
                await asyncio.sleep(1)

        timeout, _ = timeout_of(drip)
        before = virtual_clock()
        with pytest.raises(RetryableError):
            await timeout.export(request_of(1))
        assert virtual_clock() - before == 10

    @virtual_time
    async def test_the_attempt_is_cancelled_and_its_cleaning_up_awaited(self) -> None:
        cleaned: list[float] = []

        async def clean_up(request: EncodedLogs) -> None:
            try:
                await stay_away(request)
            finally:
                await asyncio.sleep(0.1)
                cleaned.append(virtual_clock())

        timeout, _ = timeout_of(clean_up)
        before = virtual_clock()
        with pytest.raises(RetryableError):
            await timeout.export(request_of(1))
        assert cleaned == [pytest.approx(before + 10.1)]

    @virtual_time
    async def test_an_attempt_that_swallows_its_cancellation_is_left_behind(self) -> None:
        released = asyncio.Event()

        async def stubborn(request: EncodedLogs) -> None:
            while not released.is_set():
                try:
                    await released.wait()
                except asyncio.CancelledError:
                    continue
            raise ValueError("nobody asks any more")

        complaints: list[dict[str, object]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        timeout, _ = timeout_of(stubborn)
        before = virtual_clock()
        with pytest.raises(RetryableError):
            await timeout.export(request_of(1))
        assert virtual_clock() - before == pytest.approx(10.2)
        released.set()
        await asyncio.sleep(0.1)
        gc.collect()
        assert complaints == []

    @virtual_time
    async def test_a_success_that_comes_with_the_cancellation_counts(self) -> None:
        async def just_in_time(request: EncodedLogs) -> ExportResult:
            try:
                await stay_away(request)
            except asyncio.CancelledError:
                return DELIVERED
            raise AssertionError

        timeout, _ = timeout_of(just_in_time)
        assert await timeout.export(request_of(1)) is DELIVERED

    @virtual_time
    async def test_a_transport_that_cancels_itself_is_retried_and_cancels_nothing_else(self) -> None:
        timeout, _ = timeout_of(asyncio.CancelledError())
        with pytest.raises(RetryableError) as caught:
            await timeout.export(request_of(1))
        assert caught.value.reason == "cancelled"

    @virtual_time
    async def test_a_cancellation_from_outside_cancels_the_attempt_and_passes_through(self) -> None:
        ended: list[str] = []

        async def attempt(request: EncodedLogs) -> None:
            try:
                await stay_away(request)
            finally:
                ended.append("attempt")

        timeout, _ = timeout_of(attempt)
        task = asyncio.ensure_future(timeout.export(request_of(1)))
        await asyncio.sleep(1)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert ended == ["attempt"]

    @virtual_time
    async def test_shutdown_in_the_middle_of_an_attempt_cuts_it_at_the_deadline(self) -> None:
        timeout, control = timeout_of(stay_away)
        before = virtual_clock()
        asyncio.get_running_loop().call_later(1, control.begin_closing, before + 4)
        with pytest.raises(RetryableError, match="before the deadline"):
            await timeout.export(request_of(1))
        assert virtual_clock() - before == 4
