"""Where a log call must not wait, whatever the policy: event loops, signal handlers, finalisers."""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import CodeType


def must_not_wait() -> bool:
    """Tell whether the caller runs on an event loop's thread, in a Python signal handler or in ``__del__``."""
    return asyncio._get_running_loop() is not None or _interrupting()  # noqa: SLF001 - the cheap, documented-by-use check


def _interrupting() -> bool:
    handlers = _handler_codes() if threading.current_thread() is threading.main_thread() else frozenset()
    frame = sys._getframe(1)  # noqa: SLF001 - walking the stack is the only way to see a handler or finaliser
    while frame is not None:
        if frame.f_code.co_name == "__del__" or frame.f_code in handlers:
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False


def _handler_codes() -> frozenset[CodeType]:
    found: set[CodeType] = set()
    for number in signal.valid_signals():
        handler = signal.getsignal(number)
        code = getattr(getattr(handler, "__func__", handler), "__code__", None)
        if code is not None:
            found.add(code)
    return frozenset(found)
