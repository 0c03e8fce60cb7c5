"""Draining a logger of fapilog's where no thread can be started: CPython 3.12.0 and 3.12.1 start none once they end."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from fapilog_otel.telemetry.diagnostics import get_diagnostics

if TYPE_CHECKING:
    from collections.abc import Callable


class _Inline(ThreadPoolExecutor):
    """Runs what is submitted at once, on the caller's thread; a loop takes no executor of another class."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001 - the future's
            future.set_exception(error)
        return future


def drain_without_threads(logger: Any, timeout: float) -> None:
    """Drain a logger, whose own worker still runs; never raises an `Exception`.

    Args:
        logger: One of fapilog's.
        timeout: Seconds.
    """
    try:
        loop = asyncio.new_event_loop()
        try:
            loop.set_default_executor(_Inline())
            loop.run_until_complete(asyncio.wait_for(logger.stop_and_drain(), timeout))
        finally:
            loop.close()
    except Exception as error:  # noqa: BLE001 - as of fapilog's own function: the process goes on ending
        get_diagnostics().note("fapilog.drain", "a logger of fapilog was not drained", error=type(error).__name__)
