from __future__ import annotations

import asyncio
from math import inf

from fapilog_otel.delivery.control import Control
from tests.unit.delivery.doubles import virtual_clock, virtual_time


class TestPause:
    @virtual_time
    async def test_sleeps_for_the_time_given(self) -> None:
        control = Control(virtual_clock)
        before = virtual_clock()
        assert await control.pause(7) is False
        assert virtual_clock() - before == 7

    @virtual_time
    async def test_ends_at_once_when_closing_begins(self) -> None:
        control = Control(virtual_clock)
        before = virtual_clock()
        asyncio.get_running_loop().call_later(2, control.begin_closing, None)
        assert await asyncio.gather(control.pause(60), control.pause(3600)) == [True, True]
        assert virtual_clock() - before == 2

    @virtual_time
    async def test_sleeps_in_full_if_closing_began_before(self) -> None:
        control = Control(virtual_clock)
        control.begin_closing(None)
        before = virtual_clock()
        assert await control.pause(3) is False
        assert virtual_clock() - before == 3

    @virtual_time
    async def test_a_cancelled_pause_leaves_nothing_behind(self) -> None:
        control = Control(virtual_clock)
        task = asyncio.ensure_future(control.pause(60))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert not control._sleepers


class TestRemaining:
    def test_is_infinite_without_a_deadline(self) -> None:
        control = Control()
        assert control.remaining() == inf
        control.begin_closing(None)
        assert control.remaining() == inf

    def test_counts_down_to_the_deadline_of_shutdown(self) -> None:
        control = Control(lambda: 90.0)
        control.begin_closing(100.0)
        assert (control.closing, control.deadline, control.remaining()) == (True, 100.0, 10.0)

    def test_a_second_shutdown_brings_the_deadline_forward_only(self) -> None:
        control = Control(lambda: 0.0)
        control.begin_closing(10.0)
        control.begin_closing(20.0)
        control.begin_closing(None)
        assert control.deadline == 10.0
        control.begin_closing(5.0)
        assert control.deadline == 5.0

    @virtual_time
    async def test_a_request_has_a_deadline_of_its_own_that_others_do_not_see(self) -> None:
        control = Control(virtual_clock)

        async def send(seconds: float | None) -> float:
            with control.within(seconds):
                await asyncio.sleep(1)
                return await asyncio.ensure_future(self._remaining_in_a_task(control))

        assert await asyncio.gather(send(5), send(None), send(2)) == [4, inf, 1]
        assert control.remaining() == inf

    async def _remaining_in_a_task(self, control: Control) -> float:
        return control.remaining()

    @virtual_time
    async def test_the_nearer_of_the_two_deadlines_counts(self) -> None:
        control = Control(virtual_clock)
        control.begin_closing(virtual_clock() + 3)
        with control.within(5):
            assert control.remaining() == 3
        with control.within(1):
            assert control.remaining() == 1


class TestWaitFor:
    @virtual_time
    async def test_returns_when_the_future_is_done(self) -> None:
        control = Control(virtual_clock)
        task = asyncio.ensure_future(asyncio.sleep(2))
        before = virtual_clock()
        await control.wait_for(task, 10)
        assert task.done()
        assert virtual_clock() - before == 2

    @virtual_time
    async def test_returns_when_the_time_is_over(self) -> None:
        control = Control(virtual_clock)
        future = asyncio.get_running_loop().create_future()
        before = virtual_clock()
        await control.wait_for(future, 10)
        assert not future.done()
        assert virtual_clock() - before == 10

    @virtual_time
    async def test_obeys_a_deadline_set_in_the_middle_of_it(self) -> None:
        control = Control(virtual_clock)
        before = virtual_clock()
        asyncio.get_running_loop().call_later(1, control.begin_closing, before + 4)
        await control.wait_for(asyncio.get_running_loop().create_future(), 10)
        assert virtual_clock() - before == 4

    @virtual_time
    async def test_closing_with_a_later_deadline_does_not_lengthen_it(self) -> None:
        control = Control(virtual_clock)
        before = virtual_clock()
        asyncio.get_running_loop().call_later(1, control.begin_closing, before + 100)
        await control.wait_for(asyncio.get_running_loop().create_future(), 10)
        assert virtual_clock() - before == 10
