"""Sends requests without a queue, for callers that wait for the outcome: the exporter face.

export() ── request ──► loop of a daemon thread ──► Sender ──► outcome ──► export() returns
"""

from __future__ import annotations

import asyncio
import threading
import time
import weakref
from concurrent.futures import CancelledError, wait
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import suppress
from contextvars import Context
from typing import TYPE_CHECKING, Any

from fapilog_otel.buffer import fork
from fapilog_otel.buffer.loop import Ending, run_to_the_end
from fapilog_otel.buffer.native_threads import wait_until_gone
from fapilog_otel.buffer.pausing import CORE, DRAIN, NO_THREADS_AT_EXIT, OPENING
from fapilog_otel.contracts import exporter_traits
from fapilog_otel.delivery import BlockingRunner, Control, build_sender
from fapilog_otel.delivery.boundary import exporter_error
from fapilog_otel.telemetry.origin import EXPORTING, OUR_THREADS, our_thread

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from fapilog_otel.contracts import EncodedLogs, Exporter
    from fapilog_otel.delivery import Part, RetryPolicy
    from fapilog_otel.telemetry.diagnostics import Diagnostics

_CLOSE_TIMEOUT = 1.0  # s for the transport to close
_OVERTIME = 0.3  # s beyond its deadline that a request gets to say what became of it


class DirectSender:
    """One destination's delivery chain on a thread of its own.

    Args:
        exporter: The transport.
        timeout: Seconds for one attempt, and for opening the transport.
        policy: Waits between attempts.
        diagnostics: Where failures are reported.
    """

    def __init__(self, exporter: Exporter, timeout: float, policy: RetryPolicy, diagnostics: Diagnostics) -> None:
        self._raw = exporter
        self._timeout = timeout
        self._policy = policy
        self._diagnostics = diagnostics
        self.closed = False
        self._build()
        fork.watch(self)
        self._warm_up()

    def _build(self) -> None:
        traits = exporter_traits(self._raw)
        self._exporter = BlockingRunner(self._raw, "exporter") if traits.blocking else self._raw
        self._control = Control()
        self._sender = build_sender(
            "exporter",
            self._exporter,
            timeout=self._timeout,
            policy=self._policy,
            control=self._control,
            diagnostics=self._diagnostics,
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ending: Ending | None = None
        self._thread: threading.Thread | None = None
        self._end: weakref.finalize[Any, Any] | None = None
        self._lock = threading.Lock()
        self._context = Context()
        self._context.run(EXPORTING.set, True)
        self._started: asyncio.Future[None] | None = None
        self._no_fork = asyncio.Event()  # clear: one is at hand
        self._no_fork.set()
        self._under_way = 0  # requests
        self._idle = asyncio.Event()
        self._idle.set()

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                loop = asyncio.new_event_loop()
                ending = Ending(loop)
                arguments = (loop, ending, self._diagnostics)
                thread = threading.Thread(target=_serve, args=arguments, name="fapilog-otel-exporter", daemon=True)
                try:
                    thread.start()
                except RuntimeError:
                    loop.close()
                    raise
                # An exporter that nobody shuts down takes its thread along.
                self._end = weakref.finalize(self, _stop, loop, ending)
                self._end.atexit = False
                self._loop, self._thread, self._ending = loop, thread, ending
            return self._loop

    def _warm_up(self) -> None:
        """Start the thread and open the transport now: at exit, when the first batch may come, it can be too late."""
        try:
            loop = self._running_loop()
            opened = asyncio.run_coroutine_threadsafe(self._opened(), loop)
            if NO_THREADS_AT_EXIT:
                wait((opened,), OPENING)
        except RuntimeError as error:  # no new thread at the system's limit, or made while the interpreter goes down
            self._cannot_start(error)

    async def _opened(self) -> None:
        try:
            await self._context.run(asyncio.ensure_future, self._open())
        except Exception as error:  # noqa: BLE001 - a plugin's own code; the first request tries again
            self._diagnostics.report("exporter.start", "an exporter could not start", cause=repr(error))

    def _cannot_start(self, error: RuntimeError) -> None:
        self._diagnostics.report("exporter.thread", "an exporter's thread could not start", cause=str(error))

    def send(self, request: EncodedLogs, deadline: float) -> list[Part] | None:
        """Deliver a request and wait for the outcome.

        Args:
            request: What to deliver.
            deadline: Monotonic seconds by which it must have come to an end, retries and splits included.

        Returns:
            What became of each part; None: shut down, or out of time.
        """
        left = deadline - time.monotonic()
        if self.closed or left <= 0:
            return None
        try:
            loop = self._running_loop()
        except RuntimeError as error:
            self._cannot_start(error)
            return None
        try:
            return asyncio.run_coroutine_threadsafe(self._entered(request, deadline), loop).result(left + _OVERTIME)
        except (FutureTimeoutError, CancelledError, RuntimeError):
            return None

    async def _entered(self, request: EncodedLogs, deadline: float) -> list[Part]:
        # The caller's context has its spans and variables; connections that live on must not inherit them.
        return await self._context.run(asyncio.ensure_future, self._send(request, deadline))

    async def _send(self, request: EncodedLogs, deadline: float) -> list[Part]:
        await self._no_fork.wait()
        self._under_way += 1
        self._idle.clear()
        try:
            with self._control.within(deadline - time.monotonic()):
                await self._open()
                return await self._sender.send(request)
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._idle.set()

    async def _open(self) -> None:
        if self._started is None:
            self._started = self._context.run(asyncio.ensure_future, _contained(self._exporter.start()))
        starting = self._started
        try:
            await asyncio.wait_for(asyncio.shield(starting), min(self._timeout, max(self._control.remaining(), 0.0)))
        except BaseException:
            if self._started is starting and starting.done():
                self._started = None  # the next send tries again
            raise

    def shutdown(self) -> None:
        """End back-offs under way at once, close the transport, end the thread; a second call does nothing."""
        if self.closed:
            return
        self.closed = True
        loop, thread = self._loop, self._thread
        if self._end is not None:
            self._end.detach()
        if loop is None or thread is None or loop.is_closed():
            return
        asyncio.run_coroutine_threadsafe(self._close(loop, self._ending), loop)
        if thread is not threading.current_thread():
            thread.join(_CLOSE_TIMEOUT + 0.5)

    async def _close(self, loop: asyncio.AbstractEventLoop, ending: Ending | None) -> None:
        self._control.begin_closing(time.monotonic())
        await asyncio.sleep(0)
        lasting = {asyncio.current_task(), ending.task if ending else None}
        tasks = asyncio.all_tasks(loop) - lasting
        if tasks:
            await asyncio.wait(tasks, timeout=0.3)
        for task in asyncio.all_tasks(loop) - lasting:
            task.cancel()
        try:
            await asyncio.wait_for(_contained(self._exporter.close()), _CLOSE_TIMEOUT)
        except Exception as error:  # noqa: BLE001 - a plugin's own code; the thread must end all the same
            self._diagnostics.report("exporter.close", "the exporter did not close cleanly", cause=repr(error))
        if ending is not None:
            ending.reach()

    # -- fork ----------------------------------------------------------------------------------------------------------

    def before_fork(self) -> None:
        """Close a transport that cannot live through a fork."""
        loop = self._loop
        if loop is None or exporter_traits(self._raw).fork_safe or threading.get_ident() in OUR_THREADS:
            return
        try:
            asyncio.run_coroutine_threadsafe(self._suspend(), loop).result(DRAIN + 2 * _CLOSE_TIMEOUT)
        except (FutureTimeoutError, RuntimeError) as error:
            self._diagnostics.report("fork.pause", "a request was still under way at a fork", cause=repr(error))
        else:
            wait_until_gone(CORE)

    async def _suspend(self) -> None:
        self._no_fork.clear()
        # What a destination that fails is being sent only waits for its next attempt, which comes after the fork.
        drain = 0.0 if self._sender.health.consecutive_failures else DRAIN
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._idle.wait(), drain)
        if self._started is not None:
            await asyncio.wait((self._started,), timeout=_CLOSE_TIMEOUT)
        await asyncio.wait_for(_contained(self._exporter.close()), _CLOSE_TIMEOUT)
        self._started = None

    def after_fork_in_parent(self) -> None:
        """Reopen: a request that the fork interrupted is on its way to the next attempt."""
        if self._loop is not None and not self._no_fork.is_set():
            asyncio.run_coroutine_threadsafe(self._resume(), self._loop)

    async def _resume(self) -> None:
        self._no_fork.set()
        await self._open()

    def after_fork_in_child(self) -> None:
        """Begin anew; the thread starts with the next `send`."""
        if self._end is not None:
            self._end.detach()  # the loop's descriptors are the parent's too
        abandon = getattr(self._raw, "abandon", None)
        if callable(abandon):
            abandon()
        self._build()


async def _contained(work: Awaitable[None]) -> None:
    """Await an exporter's own code, whose ``SystemExit`` is an error like any other: it would leave the loop."""
    try:
        await work
    except (Exception, asyncio.CancelledError):
        raise
    except BaseException as error:
        raise exporter_error(error) from error


def _serve(loop: asyncio.AbstractEventLoop, ending: Ending, diagnostics: Diagnostics) -> None:
    with our_thread():
        try:
            run_to_the_end(loop, ending.main(), diagnostics)
        finally:
            loop.close()


def _stop(loop: asyncio.AbstractEventLoop, ending: Ending) -> None:
    with suppress(RuntimeError):  # closed already
        loop.call_soon_threadsafe(ending.reach)
