"""One exit hook for the whole process: what is still open is shut down, together, within its own deadline.

Targets are held weakly. ``atexit`` runs while daemon threads still do, so the pipeline threads can deliver. Children
that others make leave by ``os._exit`` and never run it; each kind has something else that runs::

    python, os.fork, gunicorn, spawn     atexit
    multiprocessing by fork, forkserver  multiprocessing's finalizers
    Celery's prefork pool                Celery's signal worker_process_shutdown
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
import weakref
from typing import TYPE_CHECKING, Protocol

from fapilog_otel.telemetry.diagnostics import get_diagnostics

if TYPE_CHECKING:
    from collections.abc import Callable


class ShutsDown(Protocol):
    """What is shut down at exit."""

    def shutdown(self) -> object:
        """Deliver what is pending and stop, within the target's own deadline."""


_watched: weakref.WeakSet[ShutsDown] = weakref.WeakSet()
_before: list[Callable[[], object]] = []
_workers: list[Callable[[], object]] = []
_state = {"registered": False, "multiprocessing": False, "celery": False}
_AFTER_CHILDREN = -100  # multiprocessing's priority for what runs once the process's own children have been joined
_MAKERS = ("multiprocessing", "billiard")  # of processes that leave by os._exit; billiard is Celery's


def watch(target: ShutsDown) -> None:
    """Shut an object down when the process ends, if somebody else keeps it alive until then."""
    _watched.add(target)
    if not _state["registered"]:
        _state["registered"] = True
        atexit.register(_at_exit)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=_in_forked_child)
        if any(map(_is_child_of, _MAKERS)):  # first used here: the hook above came too late for this process
            _in_multiprocessing_child(None)
    _hear_celery()


def begin_with(hand_over: Callable[[], object]) -> None:
    """Call a function that does not raise before anything is shut down: it hands over what is on its way to us."""
    _before.append(hand_over)


def begin_workers_with(prepare: Callable[[], object]) -> None:
    """Call a function that does not raise in each child that ``multiprocessing`` forks from now on, before its work.

    In such a child, and in one that it has spawned, it is called at once as well.
    """
    if prepare not in _workers:
        _workers.append(prepare)
    if _is_child_of("multiprocessing"):
        prepare()


def unwatch(target: ShutsDown) -> None:
    """Leave an object alone at exit (it has been shut down)."""
    _watched.discard(target)


def in_child_unannounced() -> None:
    """Do in a child what the fork hook does, where something forked without running it."""
    _in_forked_child()


def _at_exit() -> None:
    for hand_over in _before:
        hand_over()
    get_diagnostics().import_nothing_more()
    targets = list(_watched)
    beside: list[threading.Thread] = []
    for target in targets[1:]:
        # Side by side where threads can still be had, so that deadlines do not add up.
        thread = threading.Thread(target=target.shutdown, daemon=True)
        try:
            thread.start()
            beside.append(thread)
        except RuntimeError:
            target.shutdown()
    for target in targets[:1]:
        target.shutdown()
    for thread in beside:
        thread.join()


def _in_forked_child() -> None:
    # Whoever multiprocessing forks has it imported. It forgets finalizers after this hook, but not after-forkers.
    util = sys.modules.get("multiprocessing.util")
    if util is not None and not _state["multiprocessing"]:
        _state["multiprocessing"] = True
        util.register_after_fork(_in_multiprocessing_child, _in_multiprocessing_child)
    _hear_celery()


def _is_child_of(maker: str) -> bool:
    process = sys.modules.get(f"{maker}.process")
    return process is not None and getattr(process.current_process(), "_parent_pid", None) is not None


def _in_multiprocessing_child(_: object) -> None:
    for prepare in _workers:
        prepare()
    sys.modules["multiprocessing.util"].Finalize(None, _at_exit, exitpriority=_AFTER_CHILDREN)


def _hear_celery() -> None:
    signals = sys.modules.get("celery.signals")
    if signals is not None and not _state["celery"]:
        _state["celery"] = True
        signals.worker_process_shutdown.connect(_in_celery_child, weak=False)


def _in_celery_child(**_: object) -> None:
    _at_exit()
