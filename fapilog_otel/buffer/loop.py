"""A loop that only its own main coroutine can end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from fapilog_otel.telemetry.diagnostics import Diagnostics


def run_to_the_end(loop: asyncio.AbstractEventLoop, main: Coroutine[Any, Any, None], diagnostics: Diagnostics) -> None:
    """Run a coroutine to its end, whatever else happens on its loop.

    asyncio lets ``SystemExit`` and ``KeyboardInterrupt`` of any task out of the loop: those of a plugin would end the
    delivery of every destination. The loop is as it was, and goes on.

    Args:
        loop: A loop that does not run.
        main: What to run; what it raises itself is raised.
        diagnostics: Told of each interruption.
    """
    task = loop.create_task(main)
    while not task.done():
        try:
            loop.run_until_complete(task)
        except BaseException as error:
            if task.done():
                raise
            text = "a plugin tried to end the pipeline thread, which goes on"
            diagnostics.report("pipeline.interrupted", text, cause=type(error).__name__)


class Ending:
    """Keeps a loop running, by `run_to_the_end` of its ``main()``, until it is told to end.

    Not by ``loop.stop()``: what interrupts the loop in the same round makes it forget that.

    Args:
        loop: The loop, which need not run yet.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._reached: asyncio.Future[None] = loop.create_future()
        self.task: asyncio.Task[Any] | None = None
        """The one of ``main()``, which whoever cancels the loop's tasks has to leave alone."""

    async def main(self) -> None:
        """Last until the end."""
        self.task = asyncio.current_task()
        await self._reached

    def reach(self) -> None:
        """End; on the loop. A second call does nothing."""
        if not self._reached.done():
            self._reached.set_result(None)
