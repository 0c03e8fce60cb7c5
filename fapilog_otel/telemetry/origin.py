"""Tells logs that our own exporting causes from the application's, by where they come from and not by logger name."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

EXPORTING: ContextVar[bool] = ContextVar("fapilog_otel_exporting", default=False)
OUR_THREADS: set[int] = set()


def is_internal() -> bool:
    """Tell whether the running code works for our own exporting: one of our threads, or inside `exporting`."""
    return threading.get_ident() in OUR_THREADS or EXPORTING.get()


@contextmanager
def our_thread() -> Iterator[None]:
    """Mark the running thread as ours for the block, and its base context, which the loop's tasks inherit."""
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
    token = EXPORTING.set(True)
    try:
        yield
    finally:
        EXPORTING.reset(token)
