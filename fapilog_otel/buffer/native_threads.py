"""Threads that gRPC's core runs by itself: they go only after the last channel, and a fork before that hangs a child.

Its ``grpc_shutdown`` thread holds the lock that the child's first channel asks for. Neither Python nor gRPC tells when
it is gone; Linux does.
"""

from __future__ import annotations

import gc
import time
from pathlib import Path
from typing import Final

_TASKS: Final = Path("/proc/self/task")
_NAMES: Final = ("event_engine", "grpc_", "lifeguard", "timer_manager")
_POLL: Final = 0.001  # s
_WITHOUT_COLLECTION: Final = 0.05  # s after which a channel is taken to be caught in a reference cycle

_lasting: set[str] = set()  # the application's own: they outlived a wait, and are not waited for again


def wait_until_gone(seconds: float) -> None:
    """Wait for the end of gRPC's core threads, but for those of channels that the application itself keeps open.

    Args:
        seconds: Longest wait.
    """
    began = time.monotonic()
    collected = False
    while running := _running() - _lasting:
        waited = time.monotonic() - began
        if waited >= seconds:
            _lasting.update(running)
            return
        if not collected and waited >= _WITHOUT_COLLECTION:
            collected = True
            gc.collect()
        time.sleep(_POLL)


def forget() -> None:
    """Begin anew in a forked child, where thread ids come round again."""
    _lasting.clear()


def _running() -> set[str]:
    found = set()
    try:
        for task in _TASKS.iterdir():
            if _name(task).startswith(_NAMES):
                found.add(task.name)
    except OSError:  # no such file system
        return set()
    return found


def _name(task: Path) -> str:
    try:
        return (task / "comm").read_text()
    except OSError:  # it has just ended
        return ""
