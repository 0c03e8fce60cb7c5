"""Runs an exporter that blocks, on a daemon thread of its own.

::

    loop of the pipeline thread               the exporter's thread
    export ── Call ──► inbox (bounded) ──────► runs it on a private event loop
      ▲                                          │
      └──────── call_soon_threadsafe ◄───────────┘

No executor: ``to_thread`` raises once the interpreter is going down, and joins its threads at exit without a bound.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeVar, cast

from fapilog_otel.contracts import exporter_traits
from fapilog_otel.delivery.boundary import exporter_error
from fapilog_otel.errors import DeliveryError, RetryableError
from fapilog_otel.telemetry.origin import our_thread

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fapilog_otel.contracts import EncodedLogs, Exporter, ExportResult

T = TypeVar("T")

CLOSE_TIMEOUT: Final = 2.0
"""Seconds that `BlockingRunner.close` waits for the exporter."""


class BlockingRunner:
    """An exporter that hands everything to the blocking one inside, without ever blocking the loop.

    The inner exporter's methods are called one at a time, on one thread and event loop until the next `close`.
    A cancelled call is abandoned: what has begun runs on, what has not is skipped.

    Args:
        exporter: The one whose traits say ``blocking``.
        name: Destination name, for the thread's.
        capacity: Calls that may wait or run at once; more are turned away as retryable.
        close_timeout: Seconds that `close` waits for the exporter.
    """

    def __init__(
        self, exporter: Exporter, name: str, *, capacity: int | None = None, close_timeout: float = CLOSE_TIMEOUT
    ) -> None:
        traits = exporter_traits(exporter)
        self.traits = replace(traits, blocking=False)
        self._exporter = exporter
        self._name = name
        self._capacity = 2 * traits.max_in_flight if capacity is None else capacity
        self._close_timeout = close_timeout
        self._worker: _Worker | None = None

    def validate(self) -> None:
        """Check the inner exporter's settings; on the caller's thread."""
        self._exporter.validate()

    async def start(self) -> None:
        """Start the thread, then the inner exporter on it."""
        if self._worker is None or not self._worker.alive:
            self._worker = _Worker(self._name)
        await self._worker.run(self._exporter.start)

    async def export(self, request: EncodedLogs) -> ExportResult:
        """Send one request on the thread.

        Raises:
            RetryableError: Not started (``closed``), or still at work on earlier requests (``busy``).
        """
        worker = self._worker
        if worker is None or not worker.alive:
            raise RetryableError(f"{self._name} is not open", reason="closed")
        if worker.unfinished >= self._capacity:
            raise RetryableError(f"{self._name} is still at work on earlier requests", reason="busy")
        return await worker.run(lambda: self._exporter.export(request))

    async def close(self) -> None:
        """Close the inner exporter on its thread and end that, within the bound.

        Raises:
            DeliveryError: It took too long; the thread is left behind, and ends should the exporter ever return.
        """
        worker, self._worker = self._worker, None
        if worker is None:
            return
        if not worker.alive:  # a forked child: the thread stayed with the parent, the exporter's resources did not
            worker = _Worker(self._name)
        closing = asyncio.ensure_future(worker.run(self._exporter.close))
        try:
            done, _ = await asyncio.wait((closing,), timeout=self._close_timeout)
        finally:
            closing.cancel()
            worker.stop()
            await asyncio.wait((closing,))  # at once; from here on a late thread skips the call
        if not done:
            raise DeliveryError(f"{self._name} did not close within {self._close_timeout:g} s", reason="timeout")
        closing.result()


class _Call:
    """A call under way, and where its outcome is awaited."""

    __slots__ = ("future", "loop", "target")

    def __init__(self, target: Callable[[], Awaitable[object]]) -> None:
        self.target: Callable[[], Awaitable[object]] | None = target
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[object] = self.loop.create_future()

    def perform(self, private_loop: asyncio.AbstractEventLoop) -> tuple[object, Exception | None]:
        """Run on the exporter's thread; gives result and error."""
        target = self.target
        if target is None:
            return None, None
        try:
            return private_loop.run_until_complete(_awaited(target)), None
        except Exception as error:  # noqa: BLE001 - not this thread's to judge: whoever waits gets it
            return None, error
        except BaseException as error:  # noqa: BLE001 - a plugin's SystemExit must end neither this thread nor the loop
            return None, exporter_error(error)

    def settle(self, result: object, error: Exception | None) -> None:
        """Hand the outcome over, on the waiting loop."""
        if self.future.done():
            return
        if error is None:
            self.future.set_result(result)
        else:
            self.future.set_exception(error)


class _Worker:
    """A daemon thread with an inbox and a private event loop."""

    def __init__(self, name: str) -> None:
        self.unfinished = 0  # counted on the waiting side alone
        # SimpleQueue, because a finaliser that runs in the middle of its put cannot deadlock with it.
        self._inbox: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()
        self._private_loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._main, name=f"fapilog_otel {name}", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:  # no new threads during interpreter shutdown
            self._private_loop.close()
            raise

    @property
    def alive(self) -> bool:
        """Whether calls are still taken."""
        return self._thread.is_alive()

    async def run(self, target: Callable[[], Awaitable[T]]) -> T:
        """Run a coroutine function on the thread."""
        call = _Call(target)
        self.unfinished += 1
        self._inbox.put(call)
        try:
            return cast("T", await call.future)
        finally:
            call.target = None  # abandoned before it began: skipped, and its request let go

    def stop(self) -> None:
        """End the thread once it has done what it was given."""
        self._inbox.put(None)

    def _main(self) -> None:
        with our_thread():
            try:
                while self._perform_next():
                    pass
            finally:
                self._private_loop.close()

    def _perform_next(self) -> bool:
        # A function of its own, so that no local keeps a request alive while the thread waits for the next.
        call = self._inbox.get()
        if call is None:
            return False
        result, error = call.perform(self._private_loop)
        # A closed loop raises: then nobody waits any more.
        with suppress(RuntimeError):
            call.loop.call_soon_threadsafe(self._finished, call, result, error)
        return True

    def _finished(self, call: _Call, result: object, error: Exception | None) -> None:
        self.unfinished -= 1
        call.settle(result, error)


async def _awaited(target: Callable[[], Awaitable[object]]) -> object:
    return await target()
