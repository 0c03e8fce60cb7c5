from __future__ import annotations

import asyncio
import itertools

import pytest

from fapilog_otel.delivery.breaker import Breaker, BreakerPolicy
from fapilog_otel.delivery.control import Control
from fapilog_otel.delivery.retry import Retry, RetryPolicy
from fapilog_otel.errors import PermanentError, RetryableError
from tests.unit.delivery.doubles import DELIVERED, ScriptedExporter, request_of, virtual_clock, virtual_time

DOWN = RetryableError("connection refused")
POLICY = BreakerPolicy(failures=3, open_for=30)


def breaker_of(*steps: object) -> tuple[Breaker, ScriptedExporter, Control]:
    exporter, control = ScriptedExporter(*steps), Control(virtual_clock)
    return Breaker(exporter, POLICY, control, virtual_clock), exporter, control


async def fail(breaker: Breaker, times: int) -> None:
    for _ in range(times):
        with pytest.raises(RetryableError):
            await breaker.export(request_of(1))


class TestBreaker:
    @virtual_time
    async def test_stays_closed_until_failures_come_in_a_row(self) -> None:
        breaker, _, _ = breaker_of(DOWN, DOWN, DELIVERED, DOWN, DOWN, PermanentError("bad request"), DOWN, DOWN, DOWN)
        await fail(breaker, 2)
        await breaker.export(request_of(1))
        await fail(breaker, 2)
        with pytest.raises(PermanentError):
            await breaker.export(request_of(1))
        await fail(breaker, 2)
        assert not breaker.is_open
        await fail(breaker, 1)
        assert breaker.is_open

    @virtual_time
    async def test_an_open_circuit_holds_a_request_back_and_does_not_fail_it(self) -> None:
        breaker, exporter, _ = breaker_of(DOWN, DOWN, DOWN, DELIVERED)
        await fail(breaker, 3)
        opened = virtual_clock()
        assert await breaker.export(request_of(1)) is DELIVERED
        assert exporter.times[-1] - opened == pytest.approx(30)
        assert not breaker.is_open

    @virtual_time
    async def test_one_request_probes_and_its_failure_opens_the_circuit_again(self) -> None:
        breaker, exporter, _ = breaker_of(DOWN, DOWN, DOWN, DOWN, DELIVERED)
        await fail(breaker, 3)
        opened = virtual_clock()
        outcomes = await asyncio.gather(*[breaker.export(request_of(1)) for _ in range(4)], return_exceptions=True)
        assert outcomes.count(DELIVERED) == 3
        assert outcomes.count(DOWN) == 1
        probes = [round(time - opened) for time in exporter.times[3:]]
        assert probes[:2] == [30, 60]
        assert all(60 <= later <= 61 for later in probes[2:])

    @virtual_time
    async def test_a_cancelled_probe_leaves_the_next_one_to_another_request(self) -> None:
        async def hang(_: object) -> None:
            await asyncio.get_running_loop().create_future()

        breaker, exporter, _ = breaker_of(DOWN, DOWN, DOWN, hang, DELIVERED)
        await fail(breaker, 3)
        opened = virtual_clock()
        probe = asyncio.ensure_future(breaker.export(request_of(1)))
        await asyncio.sleep(31)
        probe.cancel()
        assert await breaker.export(request_of(1)) is DELIVERED
        assert exporter.times[-1] - opened == pytest.approx(60)

    @virtual_time
    async def test_shutdown_lets_the_waiting_requests_try_at_once(self) -> None:
        breaker, exporter, control = breaker_of(DOWN, DOWN, DOWN, DELIVERED)
        await fail(breaker, 3)
        opened = virtual_clock()
        asyncio.get_running_loop().call_later(4, control.begin_closing, opened + 10)
        assert await breaker.export(request_of(1)) is DELIVERED
        assert exporter.times[-1] - opened == pytest.approx(4)

    @virtual_time
    async def test_a_request_whose_time_is_over_before_the_probe_is_told_so_at_once(self) -> None:
        breaker, exporter, control = breaker_of(DOWN)
        await fail(breaker, 3)
        opened = virtual_clock()
        with control.within(10), pytest.raises(RetryableError) as caught:
            await breaker.export(request_of(1))
        assert caught.value.reason == "circuit_open"
        assert virtual_clock() == opened
        assert len(exporter.times) == 3

    @virtual_time
    async def test_under_retries_a_destination_that_is_down_is_probed_once_an_interval(self) -> None:
        breaker, exporter, control = breaker_of(*[DOWN] * 12, DELIVERED)
        retries = [
            Retry(breaker, RetryPolicy(initial=0.1, maximum=0.1, jitter=0), control).export(request_of(1))
            for _ in range(20)
        ]
        begun = virtual_clock()
        assert await asyncio.gather(*retries) == [DELIVERED] * 20
        assert len([time for time in exporter.times if time - begun < 29]) == 3
        probes = exporter.times[3:12]
        assert all(29.9 <= later - earlier <= 31 for earlier, later in itertools.pairwise(probes))
