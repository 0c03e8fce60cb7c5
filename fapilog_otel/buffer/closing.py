"""Shutdown: the order in which things end, and what becomes of what cannot be delivered in time.

1. the emit core closes: later records count as dropped by ``shutdown``
2. open chunks are sealed and sent; a back-off under way ends at once; with a spool, all goes to disk first, and what
   is on disk is sent for as long as the destination takes it
3. at the deadline requests are cancelled (failed) and what waits is dropped, all counted
4. transports close, the loop ends, the thread is joined
"""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import TYPE_CHECKING

from fapilog_otel.buffer.pending import Pending
from fapilog_otel.buffer.queue import required
from fapilog_otel.buffer.spooled import persist, sent

if TYPE_CHECKING:
    from fapilog_otel.buffer.engine import Engine

_TRANSPORT_SHARE = 0.1  # of the timeout, set aside for cancelling and closing
_TRANSPORT_MOST = 0.4  # seconds
_SPOOL_LEAST = 0.2  # seconds that the spool has in any case, to forget what was delivered


def close_down(engine: Engine, timeout: float) -> bool:
    """Shut an engine down.

    Args:
        engine: The engine; its ``closed`` is already set.
        timeout: Seconds for everything.

    Returns:
        True if all that was pending was delivered to every non-optional destination.
    """
    end = time.monotonic() + timeout
    engine.core.closed = True
    engine.core.seal_open()
    if engine.loop is None and not engine.nothing_pending():
        engine.closed = False
        engine.start()
        engine.closed = True
    # Asked first: a signal handler that shuts down may have interrupted somebody inside wait(), who holds its lock.
    if engine.thread is not None and not engine.up.is_set():  # it may still be on its way up, and must be told to end
        engine.up.wait(min(timeout, 1.0))
    done = _drain_on_loop(engine, end, timeout)
    engine.queue.closed = True
    _drop_the_rest(engine)
    if engine.spool is not None:
        engine.spool.stop(max(end - time.monotonic(), _SPOOL_LEAST))
    thread = engine.thread
    if thread is not None and thread is not threading.current_thread():
        thread.join(max(end - time.monotonic(), 0.05))
    engine.losses.tell()
    engine.spec.diagnostics.flush()
    return done


def _drain_on_loop(engine: Engine, end: float, timeout: float) -> bool:
    reserve = min(timeout * _TRANSPORT_SHARE, _TRANSPORT_MOST)
    if engine.loop is None:
        return engine.nothing_pending()
    try:
        future = engine.submit(_close(engine, end - reserve, reserve))
    except RuntimeError:
        return False
    if threading.current_thread() is engine.thread:
        return False
    try:
        return future.result(max(end - time.monotonic(), 0.01))
    except FutureTimeoutError:
        return False


async def _close(engine: Engine, deadline: float, reserve: float) -> bool:
    engine.control.begin_closing(deadline)
    engine.advance()
    persist(engine)
    with engine.lock:
        pending = Pending(required(engine.branches))
        everything = Pending(engine.branches)
    finished = await engine.settled(everything, deadline)
    if finished:
        await sent(engine, deadline)
    if not finished or engine.spool is not None:
        for branch in engine.branches:
            branch.ready = False
        engine.staging.give_up("shutdown")
        for branch in engine.branches:
            branch.give_up_waiting("shutdown")
        await asyncio.gather(*(branch.cancel(reserve / 2) for branch in engine.branches))
    for branch in engine.branches:
        await _close_exporter(engine, branch.name, branch.exporter.close(), reserve / 2)
    engine.stop_loop()
    return pending.done() and not pending.lost()


async def _close_exporter(engine: Engine, name: str, closing: object, timeout: float) -> None:
    try:
        await asyncio.wait_for(closing, max(timeout, 0.05))  # type: ignore[arg-type]
    except asyncio.CancelledError:
        raise
    except BaseException as error:  # noqa: BLE001 - a plugin's own code; one failing close must not stop the others
        cause = f"{type(error).__name__}: {error}"
        engine.spec.diagnostics.report(f"{name}.close", f"{name} did not close cleanly", cause=cause)


def _drop_the_rest(engine: Engine) -> None:
    """Account for what is still held: records that slipped in late, or a loop that never ran."""
    with engine.lock:
        engine.core.seal_open()
        engine.collect()
        for chunk in engine.core.drop_open():
            engine.queue.release(chunk)
        engine.staging.give_up("shutdown")
        for branch in engine.branches:
            branch.abandon()
