"""A signal that comes while a process forks reaches the child's handler.

CPython's C handler only notes a signal, and a forked child begins by forgetting what was noted: one that comes before
the child has run at all is lost, and ``Pool.terminate`` waits for ever for a worker that waits for ever for a task. So
the signal is blocked in the forking thread from before the fork until the child has begun anew.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from fapilog_otel.buffer import fork

if TYPE_CHECKING:
    from collections.abc import Callable


class BlockedAroundForks:
    """Blocks a signal around each fork.

    Args:
        number: The signal.
        handler: Its handler; while another one is installed nothing is done.
    """

    def __init__(self, number: int, handler: Callable[..., object]) -> None:
        self._number = number
        self._handler = handler
        self._blocked = False

    def start(self) -> None:
        """Begin."""
        if hasattr(signal, "pthread_sigmask"):
            fork.watch(self)

    def stop(self) -> None:
        """End."""
        fork.unwatch(self)
        self._unblock()

    def before_fork(self) -> None:
        """Block it, unless the application does."""
        handled = signal.getsignal(self._number) is self._handler
        if handled and self._number not in signal.pthread_sigmask(signal.SIG_BLOCK, ()):
            self._blocked = True  # first: setting the mask may run a handler, which may raise
            signal.pthread_sigmask(signal.SIG_BLOCK, {self._number})

    def after_fork_in_parent(self) -> None:
        """Let it come."""
        self._unblock()

    def after_fork_in_child(self) -> None:
        """Let it come."""
        self._unblock()

    def _unblock(self) -> None:
        if self._blocked:
            self._blocked = False
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {self._number})
