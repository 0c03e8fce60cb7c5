"""Calls of user code that may hang: side by side on threads of their own, awaited no longer than a deadline allows."""

from __future__ import annotations

import contextvars
import threading
import time
from concurrent.futures import Future, wait
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class ForeignCalls:
    """Calls under way.

    A thread that does not come back is left behind: it is a daemon. Where no thread can be had (the interpreter goes
    down), a call is made by whoever waits for it.

    Args:
        calls: What to call; False, as a result, means failure. They must contain their own exceptions.
    """

    def __init__(self, calls: Iterable[Callable[[], bool]]) -> None:
        self._futures: list[Future[bool]] = []
        self._left: list[Callable[[], bool]] = []
        for call in calls:
            self._start(call)

    def _start(self, call: Callable[[], bool]) -> None:
        future: Future[bool] = Future()
        context = contextvars.copy_context()

        def run() -> None:
            future.set_result(context.run(call))

        try:
            threading.Thread(target=run, name="fapilog-otel-foreign", daemon=True).start()
        except RuntimeError:
            self._left.append(call)
        else:
            self._futures.append(future)

    @property
    def futures(self) -> list[Future[bool]]:
        """The calls that run on threads, for waiting on an event loop."""
        return self._futures

    def wait(self, deadline: float) -> bool:
        """Wait until all are done, or until the deadline.

        Args:
            deadline: Monotonic seconds.

        Returns:
            True if every call came back in time, and none with False.
        """
        results = [call() for call in self._left]
        done, pending = wait(self._futures, max(deadline - time.monotonic(), 0.0))
        return not pending and all(results) and all(future.result() for future in done)
