"""Keeps the spool's thread out of SQLite while a process forks."""

from __future__ import annotations

import threading
import time


class Gate:
    """What the thread passes before each round, and who forks holds shut.

    A plain lock would not do: the thread gives it up and takes it again at once, and who waits may never have a turn.
    """

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._inside = threading.Lock()

    def __enter__(self) -> None:
        with self._turn:
            self._inside.acquire()

    def __exit__(self, *_: object) -> None:
        self._inside.release()

    def hold(self, timeout: float) -> bool:
        """Let nobody in any more, and wait until nobody is inside; tell whether it came to that.

        Args:
            timeout: Seconds.
        """
        deadline = time.monotonic() + timeout
        if not self._turn.acquire(timeout=timeout):
            return False
        if self._inside.acquire(timeout=max(deadline - time.monotonic(), 0.0)):
            return True
        self._turn.release()
        return False

    def let_go(self) -> None:
        """Let others in again."""
        self._inside.release()
        self._turn.release()
