"""Blocking calls on daemon threads that start early and end on request.

gRPC's own futures start a thread whenever a call follows a pause. At interpreter exit, when the last records are sent,
CPython 3.12.0 and 3.12.1 refuse new threads: the call fails, and the process hangs. A blocking call needs no thread but
the one that makes it, and costs the same (docs/design/http-client.md, "gRPC").
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from fapilog_otel.telemetry.origin import our_thread

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
_Inbox: TypeAlias = "queue.SimpleQueue[Callable[[], None] | None]"


class CallThreads:
    """Runs blocking calls, as many at once as there are threads.

    Args:
        count: Threads.
    """

    def __init__(self, count: int) -> None:
        self._inbox: _Inbox = queue.SimpleQueue()
        self._threads = tuple(
            threading.Thread(target=_serve, args=(self._inbox,), name=f"fapilog-otel-grpc-{number}", daemon=True)
            for number in range(count)
        )
        for thread in self._threads:
            thread.start()

    def run(self, call: Callable[[], T]) -> asyncio.Future[T]:
        """Have a call made, and give the future of what it returns; it must not raise.

        Cancelling the future does not end the call.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def job() -> None:
            if not future.cancelled():
                value = call()
                with contextlib.suppress(RuntimeError):  # the loop has been closed: nobody waits any more
                    loop.call_soon_threadsafe(_settle, future, value)

        self._inbox.put(job)
        return future

    def stop(self) -> None:
        """Let every thread end after its present call."""
        for _ in self._threads:
            self._inbox.put(None)

    async def stopped(self, seconds: float) -> bool:
        """Wait until the threads have ended; True if they have.

        Args:
            seconds: Longest wait.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while any(thread.is_alive() for thread in self._threads):
            if loop.time() >= end:
                return False
            await asyncio.sleep(0.005)
        return True


def _settle(future: asyncio.Future[T], value: T) -> None:
    if not future.done():
        future.set_result(value)


def _serve(inbox: _Inbox) -> None:
    with our_thread():
        while (job := inbox.get()) is not None:
            job()
            del job  # it holds the channel, of which nothing may be left when the process forks
