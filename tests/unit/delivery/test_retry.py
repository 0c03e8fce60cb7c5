from __future__ import annotations

import asyncio
import random
from math import inf, nan

import pytest

from fapilog_otel.delivery.control import Control
from fapilog_otel.delivery.retry import Retry, RetryPolicy
from fapilog_otel.delivery.timeout import Timeout
from fapilog_otel.errors import PermanentError, RetryableError
from tests.unit.delivery.doubles import (
    DELIVERED,
    ScriptedExporter,
    in_turn,
    request_of,
    stay_away,
    virtual_clock,
    virtual_time,
)

STEADY = RetryPolicy(jitter=0)
DOWN = RetryableError("connection refused")


class TestRetryPolicy:
    def test_backoff_grows_to_the_maximum_and_no_further(self) -> None:
        policy = RetryPolicy(initial=1, multiplier=2, maximum=10)
        backoffs = [1.0]
        for _ in range(5000):
            backoffs.append(policy.grown(backoffs[-1]))
        assert backoffs[:6] == [1, 2, 4, 8, 10, 10]
        assert backoffs[-1] == 10

    @pytest.mark.parametrize(("chance", "wait"), [(0.0, 8.0), (0.5, 6.0), (1.0, 4.0)])
    def test_jitter_shortens_a_backoff_to_half_at_most(self, chance: float, wait: float) -> None:
        assert RetryPolicy(jitter=0.5).wait(8.0, None, chance) == wait

    @pytest.mark.parametrize("delay", [0.01, 1.0, 7.0, 100.0])
    def test_a_server_waits_are_obeyed_within_a_tenth_and_never_undercut(self, delay: float) -> None:
        for chance in (0.0, 0.3, 1.0):
            assert delay <= RetryPolicy().wait(30.0, delay, chance) <= delay * 1.1

    @pytest.mark.parametrize("delay", [120.0, 121.0, 31_536_000.0, inf])
    def test_a_server_cannot_ask_for_more_than_the_cap(self, delay: float) -> None:
        assert RetryPolicy().wait(0.5, delay, 1.0) == 120

    @pytest.mark.parametrize("delay", [0.0, -1.0, -inf, nan])
    def test_a_senseless_delay_leaves_it_to_the_backoff(self, delay: float) -> None:
        assert RetryPolicy(jitter=0).wait(3.0, delay, 0.5) == 3.0


class TestRetry:
    @virtual_time
    async def test_a_success_needs_one_attempt(self) -> None:
        exporter = ScriptedExporter(DELIVERED)
        assert await Retry(exporter, STEADY, Control(virtual_clock)).export(request_of(1)) is DELIVERED
        assert len(exporter.times) == 1

    @virtual_time
    async def test_waits_grow_between_attempts(self) -> None:
        exporter = ScriptedExporter(DOWN, DOWN, DOWN, DOWN, DELIVERED)
        policy = RetryPolicy(initial=1, multiplier=2, maximum=5, jitter=0)
        assert await Retry(exporter, policy, Control(virtual_clock)).export(request_of(1)) is DELIVERED
        assert exporter.gaps == [1, 2, 4, 5]

    @virtual_time
    async def test_waits_vary_by_chance(self) -> None:
        exporter = ScriptedExporter(DOWN, DOWN, DOWN, DELIVERED)
        policy = RetryPolicy(initial=1, multiplier=2, jitter=0.5)
        await Retry(exporter, policy, Control(virtual_clock), in_turn([0.0, 1.0, 0.5])).export(request_of(1))
        assert exporter.gaps == [1, 1, 3]

    @virtual_time
    async def test_the_default_source_of_chance_varies(self) -> None:
        exporter = ScriptedExporter(*[DOWN] * 20, DELIVERED)
        random.seed(1)
        policy = RetryPolicy(initial=1, multiplier=1)
        await Retry(exporter, policy, Control(virtual_clock)).export(request_of(1))
        assert len(set(exporter.gaps)) > 10
        assert all(0.5 <= gap <= 1 for gap in exporter.gaps)

    @virtual_time
    async def test_a_server_that_names_a_delay_gets_it(self) -> None:
        exporter = ScriptedExporter(RetryableError("busy", delay=17), RetryableError("busy", delay=9999), DELIVERED)
        await Retry(exporter, STEADY, Control(virtual_clock), lambda: 0.0).export(request_of(1))
        assert exporter.gaps == [17, 120]

    @virtual_time
    async def test_a_permanent_error_is_not_tried_again(self) -> None:
        exporter = ScriptedExporter(PermanentError("bad request", reason="http_400"))
        with pytest.raises(PermanentError, match="bad request"):
            await Retry(exporter, STEADY, Control(virtual_clock)).export(request_of(1))
        assert len(exporter.times) == 1

    @virtual_time
    async def test_without_a_deadline_it_goes_on_for_days(self) -> None:
        exporter = ScriptedExporter(*[DOWN] * 10_000, DELIVERED)
        assert await Retry(exporter, STEADY, Control(virtual_clock)).export(request_of(1)) is DELIVERED
        assert exporter.times[-1] - exporter.times[0] > 3 * 86_400

    @virtual_time
    async def test_a_cancellation_ends_the_wait(self) -> None:
        retry = Retry(ScriptedExporter(DOWN), STEADY, Control(virtual_clock))
        task = asyncio.ensure_future(retry.export(request_of(1)))
        await asyncio.sleep(5)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()


class TestRetryAtShutdown:
    @virtual_time
    async def test_the_wait_ends_at_once_and_one_attempt_follows_at_once(self) -> None:
        exporter = ScriptedExporter(RetryableError("busy", delay=100), DELIVERED)
        control = Control(virtual_clock)
        asyncio.get_running_loop().call_later(3, control.begin_closing, virtual_clock() + 8)
        assert await Retry(exporter, STEADY, control).export(request_of(1)) is DELIVERED
        assert exporter.gaps == [3]

    @virtual_time
    async def test_backoff_goes_on_while_the_next_try_comes_before_the_deadline(self) -> None:
        exporter = ScriptedExporter(DOWN)
        control = Control(virtual_clock)
        begun = virtual_clock()
        control.begin_closing(begun + 4)
        with pytest.raises(RetryableError) as caught:
            await Retry(exporter, RetryPolicy(initial=1, multiplier=1, jitter=0), control).export(request_of(1))
        assert exporter.gaps == [1, 1, 1]
        assert virtual_clock() - begun == 3, "it gives up early when the deadline comes before the next try"
        assert caught.value.reason == "shutdown"
        assert "connection refused" in str(caught.value)
        assert caught.value.__cause__ is DOWN

    @virtual_time
    async def test_a_long_outage_costs_one_attempt_and_no_waiting(self) -> None:
        exporter = ScriptedExporter(DOWN)
        control = Control(virtual_clock)
        task = asyncio.ensure_future(Retry(exporter, STEADY, control).export(request_of(1)))
        await asyncio.sleep(600)
        attempts, begun = len(exporter.times), virtual_clock()
        control.begin_closing(begun + 5)
        with pytest.raises(RetryableError):
            await task
        assert len(exporter.times) == attempts + 1
        assert virtual_clock() == begun

    @virtual_time
    async def test_nothing_is_tried_once_the_deadline_has_passed(self) -> None:
        exporter = ScriptedExporter(DELIVERED)
        control = Control(virtual_clock)
        control.begin_closing(virtual_clock())
        with pytest.raises(RetryableError) as caught:
            await Retry(exporter, STEADY, control).export(request_of(1))
        assert caught.value.reason == "shutdown"
        assert exporter.times == []

    @virtual_time
    async def test_a_hanging_destination_holds_shutdown_up_to_the_deadline_and_no_longer(self) -> None:
        control = Control(virtual_clock)
        retry = Retry(Timeout(ScriptedExporter(stay_away), 10, control), STEADY, control)
        begun = virtual_clock()
        asyncio.get_running_loop().call_later(1, control.begin_closing, begun + 5)
        with pytest.raises(RetryableError) as caught:
            await retry.export(request_of(1))
        assert caught.value.reason == "shutdown"
        assert virtual_clock() - begun == 5


class TestRetryWithinARequestsOwnTime:
    @virtual_time
    async def test_the_last_error_is_raised_when_the_next_try_would_come_too_late(self) -> None:
        exporter = ScriptedExporter(DOWN)
        control = Control(virtual_clock)
        begun = virtual_clock()
        with control.within(10), pytest.raises(RetryableError) as caught:
            await Retry(exporter, RetryPolicy(initial=4, multiplier=1, jitter=0), control).export(request_of(1))
        assert caught.value is DOWN
        assert exporter.gaps == [4, 4]
        assert virtual_clock() - begun == 8

    @virtual_time
    async def test_an_attempt_is_cut_when_the_time_is_over(self) -> None:
        control = Control(virtual_clock)
        retry = Retry(Timeout(ScriptedExporter(DOWN, stay_away), 10, control), STEADY, control)
        begun = virtual_clock()
        with control.within(3), pytest.raises(RetryableError) as caught:
            await retry.export(request_of(1))
        assert caught.value.reason == "timeout"
        assert virtual_clock() - begun == 3
