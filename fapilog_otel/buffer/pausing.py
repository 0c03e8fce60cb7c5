"""A fork, seen from the parent: transports that cannot live through one are closed before it and opened again after.

::

    before   no new requests ─► an opening ends ─► requests under way end, or their records wait again ─► close
    fork
    after    open ─► requests go on
"""

from __future__ import annotations

import asyncio
import sys
import threading
from concurrent.futures import TimeoutError as FutureTimeoutError
from concurrent.futures import wait
from typing import TYPE_CHECKING, Final

from fapilog_otel.buffer.native_threads import wait_until_gone
from fapilog_otel.contracts import exporter_traits

if TYPE_CHECKING:
    from fapilog_otel.buffer.engine import Engine
    from fapilog_otel.delivery.fanout import Branch

NO_THREADS_AT_EXIT: Final = (3, 12, 0) <= sys.version_info[:3] < (3, 12, 2)
"""Whether this Python refuses new threads from the very start of its exit, so that transports must be open by then."""

OPENING: Final = 0.5
"""Seconds that such a Python waits for that."""

CORE: Final = 0.5
"""Seconds that a fork waits for the native threads of what was closed."""

DRAIN: Final = 2.0
"""Seconds that a fork waits for requests under way."""

_RECALL = 0.2  # seconds that a transport has for giving up a request
_UP = 1.0  # seconds that a pipeline thread just started has for coming up


def pause(engine: Engine) -> None:
    """Close the transports that cannot live through a fork; on the thread that forks."""
    fragile = [branch for branch in engine.branches if not exporter_traits(branch.exporter).fork_safe]
    thread = engine.thread
    if not fragile or thread is None or thread is threading.current_thread():
        return
    engine.up.wait(_UP)  # it is about to open them
    if engine.loop is None:
        return
    try:
        engine.submit(_pause(engine, fragile)).result(DRAIN + 2 * _RECALL)
    except (RuntimeError, FutureTimeoutError) as error:
        engine.spec.diagnostics.report("fork.pause", "requests were still under way at a fork", cause=repr(error))
    else:
        wait_until_gone(CORE)


def resume(engine: Engine) -> None:
    """Open again what `pause` closed."""
    paused = [branch for branch in engine.branches if branch.paused]
    if not paused or engine.loop is None:
        return
    opened = engine.submit(_resume(engine, paused))
    if NO_THREADS_AT_EXIT:
        wait((opened,), OPENING)


async def _pause(engine: Engine, fragile: list[Branch]) -> bool:
    async with engine.forking:
        for branch in fragile:
            branch.paused = True
            branch.ready = False
        await asyncio.gather(*map(_quiesce, fragile))
        return True


async def _quiesce(branch: Branch) -> None:
    if branch.opening is not None:
        branch.opening.cancel()
        await asyncio.wait((branch.opening,))
    # A destination that fails has requests under way that only wait for their next attempt.
    drain = 0.0 if branch.sender.health.consecutive_failures else DRAIN
    try:
        await asyncio.wait_for(branch.idle(), drain)
    except asyncio.TimeoutError:
        await branch.cancel(_RECALL)  # what it was sending waits again, and may arrive twice
    await branch.exporter.close()


async def _resume(engine: Engine, paused: list[Branch]) -> bool:
    async with engine.forking:
        for branch in paused:
            branch.paused = False
            engine.open_branch(branch)
    if NO_THREADS_AT_EXIT:
        await asyncio.wait([branch.opening for branch in paused if branch.opening is not None], timeout=OPENING)
    return True
