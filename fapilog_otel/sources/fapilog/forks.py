"""Loggers of fapilog's in a forked child, where their worker threads are gone and what they are given is lost.

Each is started anew at its first event there, with an empty queue: what waited in it is the parent's to deliver. The
names are private to fapilog, so the tests run against every version named in the extra ``[fapilog]``.
"""

from __future__ import annotations

import sys
import threading
import weakref
from typing import Any, Final

from fapilog_otel.telemetry.diagnostics import get_diagnostics

STALE: Final[weakref.WeakSet[Any]] = weakref.WeakSet()
"""Loggers that this process has inherited and not used yet."""


class Forks:
    """Told of forks while anybody of ours needs fapilog's events."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # a signal handler may log meanwhile

    def before_fork(self) -> None:
        """Do nothing."""

    def after_fork_in_parent(self) -> None:
        """Do nothing."""

    def after_fork_in_child(self) -> None:
        """Note whose worker is gone."""
        self._lock = threading.RLock()
        shutdown = sys.modules.get("fapilog.core.shutdown")  # loaded by its first logger
        if shutdown is not None:
            STALE.update(shutdown._registered_loggers)  # noqa: SLF001
            shutdown._registered_loggers.clear()  # noqa: SLF001 - nothing to drain; the start registers anew

    def revive(self, logger: Any) -> None:
        """Start a logger's worker anew, if it is stale; others wait for it."""
        with self._lock:
            if logger not in STALE:
                return
            try:
                alive = logger._started and not logger._drained  # noqa: SLF001
                if alive:
                    _empty(logger)
                STALE.discard(logger)  # before the start: a signal handler that logs meanwhile finds it begun
                if alive:
                    logger.start()
            except Exception as error:  # noqa: BLE001 - a log call never raises because of us
                STALE.discard(logger)
                get_diagnostics().note(
                    "fapilog.fork", "a logger of fapilog was not revived after a fork", error=type(error).__name__
                )


def _empty(logger: Any) -> None:
    queue = logger._queue  # noqa: SLF001
    logger._queue = type(queue)(  # noqa: SLF001 - the old one's lock may be held by a thread that is gone
        queue._main.capacity,  # noqa: SLF001
        queue.protected_capacity,
        queue._protected_levels,  # noqa: SLF001
    )
    logger._worker_loop = logger._worker_thread = None  # noqa: SLF001
    logger._worker_tasks = []  # noqa: SLF001
    logger._thread_ready = threading.Event()  # noqa: SLF001
