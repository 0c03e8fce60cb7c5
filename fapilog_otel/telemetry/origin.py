"""Tells logs that our own exporting causes from the application's, by where they come from and not by logger name."""

from __future__ import annotations

import gc
import threading
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextvars import Token

EXPORTING: ContextVar[bool] = ContextVar("fapilog_otel_exporting", default=False)
OUR_THREADS: set[int] = set()

_suspended: dict[int, tuple[Token[bool], bool]] = {}


def is_internal() -> bool:
    """Tell whether the running code works for our own exporting: one of our threads, or inside `exporting`."""
    return threading.get_ident() in OUR_THREADS or EXPORTING.get()


@contextmanager
def our_thread() -> Iterator[None]:
    """Mark the running thread as ours for the block, and its base context, which the loop's tasks inherit."""
    _watch_collections()
    ident = threading.get_ident()
    OUR_THREADS.add(ident)
    token = EXPORTING.set(True)
    try:
        yield
    finally:
        EXPORTING.reset(token)
        OUR_THREADS.discard(ident)


@contextmanager
def exporting() -> Iterator[None]:
    """Mark the running context as exporting for the block (an exporter face called on an application's thread)."""
    _watch_collections()
    token = EXPORTING.set(True)
    try:
        yield
    finally:
        EXPORTING.reset(token)


def forget_threads() -> None:
    """Forget every thread (in a forked child, which has none of them)."""
    OUR_THREADS.clear()
    _suspended.clear()


def _watch_collections() -> None:
    if _lift not in gc.callbacks:
        gc.callbacks.append(_lift)
        gc.callbacks.append(_restore)


def _lift(phase: str, _: object) -> None:
    """Lift the mark while garbage is collected: any thread may do it, and finalisers are the application's."""
    if phase != "start":
        return
    if gc.callbacks[-1] is not _restore:  # the application's callbacks are the application's too: they come before
        with suppress(ValueError):  # another thread, or a signal handler, is at it
            gc.callbacks.remove(_restore)
        gc.callbacks.append(_restore)
    ident = threading.get_ident()
    ours = ident in OUR_THREADS
    if ours or EXPORTING.get():
        _suspended[ident] = (EXPORTING.set(False), ours)
        OUR_THREADS.discard(ident)


def _restore(phase: str, _: object) -> None:
    suspended = _suspended.pop(threading.get_ident(), None) if phase == "stop" else None
    if suspended is not None:
        EXPORTING.reset(suspended[0])
        if suspended[1]:
            OUR_THREADS.add(threading.get_ident())
