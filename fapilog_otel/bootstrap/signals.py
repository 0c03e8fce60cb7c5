"""SIGTERM: its default action runs no Python, so what is pending would be lost."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING

from fapilog_otel.bootstrap.blocked import BlockedAroundForks
from fapilog_otel.bootstrap.nudge import Nudge
from fapilog_otel.buffer import exit as process_exit
from fapilog_otel.buffer import fork

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType


class TermHandler:
    """Shuts down what runs on SIGTERM, then dies of it.

    Args:
        shutdown: Shuts down whatever runs at the time of the signal.
        under_way: Tells whether that has begun already, perhaps in the very code that the signal interrupts.
    """

    def __init__(self, shutdown: Callable[[], object], under_way: Callable[[], bool]) -> None:
        self._shutdown = shutdown
        self._under_way = under_way
        self._dies_after = False
        self._around_forks = BlockedAroundForks(signal.SIGTERM, self)
        self._nudge = Nudge(signal.SIGTERM, self)

    def __call__(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the signature is signal's
        """Handle the signal; a second one meanwhile has its default action."""
        if fork.is_inherited():  # nothing here is this process's to deliver
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        if self._nudge.is_echo():
            return
        signal.signal(number, signal.SIG_DFL)
        if self._under_way():
            self._dies_after = True
            return
        self._shutdown()
        os.kill(os.getpid(), number)

    def install(self) -> None:
        """Handle SIGTERM from now on; only in the main thread and only over the default action."""
        if _in_main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            signal.signal(signal.SIGTERM, self)
            self._around_forks.start()
            process_exit.begin_workers_with(self._nudge.start)

    def uninstall(self) -> None:
        """Restore the default action, if this is what handles the signal and the thread may say so.

        A signal that came while the shutdown was under way has its default action now.
        """
        if self._dies_after:
            self._dies_after = False
            os.kill(os.getpid(), signal.SIGTERM)
        is_handler = signal.getsignal(signal.SIGTERM) is self
        if _in_main_thread() and is_handler:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            self._around_forks.stop()


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
