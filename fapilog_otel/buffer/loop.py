"""A loop that only its own main coroutine can end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio
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
