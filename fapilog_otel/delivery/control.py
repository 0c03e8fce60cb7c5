"""What every wait of a destination obeys: shutdown's deadline and, on the exporter face, the request's own."""

from __future__ import annotations

import asyncio
import time
from contextlib import contextmanager
from contextvars import ContextVar
from math import inf
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")

# Follows the request into the tasks that the wrappers start for it, and never into another request's.
_REQUEST_DEADLINE: ContextVar[float] = ContextVar("fapilog_otel_request_deadline", default=inf)


class Control:
    """Says how long delivery may still wait, and ends waits early when shutdown begins.

    May be made anywhere; everything but reading belongs to the pipeline thread's loop. Each opening gets a new one, so
    each forked child too.

    Args:
        clock: Monotonic seconds.
    """

    __slots__ = ("_clock", "_sleepers", "closing", "deadline")

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sleepers: set[asyncio.Future[None]] = set()
        self.closing = False
        self.deadline: float | None = None

    def begin_closing(self, deadline: float | None) -> None:
        """End the waits under way; from now on nothing may wait or try beyond the deadline.

        A second call can bring the deadline forward, never push it back. Call it on the loop.

        Args:
            deadline: Monotonic seconds; None: as long as it takes.
        """
        self.closing = True
        if deadline is not None:
            self.deadline = deadline if self.deadline is None else min(self.deadline, deadline)
        for sleeper in self._sleepers:
            _wake(sleeper)

    @contextmanager
    def within(self, seconds: float | None) -> Iterator[None]:
        """Give the requests sent inside the block a deadline of their own; None: none."""
        deadline = inf if seconds is None else self._clock() + seconds
        token = _REQUEST_DEADLINE.set(min(deadline, _REQUEST_DEADLINE.get()))
        try:
            yield
        finally:
            _REQUEST_DEADLINE.reset(token)

    def remaining(self) -> float:
        """Give the seconds until the nearest deadline; not positive once it has passed, infinite without one."""
        deadline = _REQUEST_DEADLINE.get()
        if self.deadline is not None:
            deadline = min(deadline, self.deadline)
        return deadline - self._clock()

    async def pause(self, seconds: float) -> bool:
        """Sleep.

        Args:
            seconds: How long, unless closing begins meanwhile.

        Returns:
            True if closing cut the sleep short.
        """
        closing = self.closing
        await self._sleep(seconds, None)
        return self.closing and not closing

    async def wait_for(self, future: asyncio.Future[T], seconds: float) -> None:
        """Wait until the future is done, the seconds are over or the nearest deadline has come.

        The deadline counts even if it is set in the middle of the wait. The future is left as it is.
        """
        end = self._clock() + seconds
        while not future.done():
            left = min(end - self._clock(), self.remaining())
            if left <= 0:
                return
            await self._sleep(left, future)

    async def _sleep(self, seconds: float, until: asyncio.Future[T] | None) -> None:
        loop = asyncio.get_running_loop()
        sleeper: asyncio.Future[None] = loop.create_future()

        def wake(_: object = None) -> None:
            _wake(sleeper)

        timer = loop.call_later(seconds, wake)
        self._sleepers.add(sleeper)
        if until is not None:
            until.add_done_callback(wake)
        try:
            await sleeper
        finally:
            timer.cancel()
            self._sleepers.discard(sleeper)
            if until is not None:
                until.remove_done_callback(wake)


def _wake(sleeper: asyncio.Future[None]) -> None:
    if not sleeper.done():
        sleeper.set_result(None)
