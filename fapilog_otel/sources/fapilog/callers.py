"""What must be read on the caller's thread: the span that an event is logged in.

fapilog enriches in its worker thread, where no span is current. ``_prepare_payload``, through which both its loggers
make their events, is wrapped while anybody of ours needs it: private, so the tests run against every version named in
the extra ``[fapilog]``.
"""

from __future__ import annotations

import atexit
import functools
import threading
from typing import TYPE_CHECKING, Any, Final

from fapilog.core.logger import _LoggerMixin

from fapilog_otel.buffer import exit as process_exit
from fapilog_otel.buffer import fork
from fapilog_otel.buffer.pausing import NO_THREADS_AT_EXIT
from fapilog_otel.compat.api import span_context_ids
from fapilog_otel.sources.fapilog.forks import STALE, Forks
from fapilog_otel.sources.fapilog.translate import INTERNAL, TRACE_FLAGS
from fapilog_otel.sources.stdlib.patch import Patch
from fapilog_otel.telemetry.diagnostics import get_diagnostics
from fapilog_otel.telemetry.origin import is_internal

if TYPE_CHECKING:
    from collections.abc import Callable

_PREPARE: Final = "_prepare_payload"
_COMPANION: Final = "_fapilog_otel_companion"


class _Wrapped:
    lock = threading.Lock()
    holders = 0
    patch: Patch | None = None
    drains_at_exit = False


_FORKS: Final = Forks()

EVERYWHERE: Final[list[Any]] = []
"""Sinks that are flushed when any logger is drained: those of installed sources."""


def _drain() -> None:
    """Drain fapilog's loggers while threads can still be had.

    fapilog does it in ``atexit``, by ``asyncio.to_thread``, which raises there, and it loses what is queued.
    """
    from fapilog.core import shutdown  # noqa: PLC0415 - loaded by its first logger

    if NO_THREADS_AT_EXIT:
        from fapilog_otel.sources.fapilog.drain import drain_without_threads  # noqa: PLC0415 - loads asyncio

        shutdown._drain_single_logger = drain_without_threads  # noqa: SLF001
    shutdown._atexit_handler()  # noqa: SLF001 - obeys its settings, and makes its own later call do nothing


def _drain_at_exit() -> None:
    """Have `_drain` called before the executors end, and so before ``atexit``, in which we deliver and stop.

    The children of multiprocessing have no ``atexit``, and begin with it when they deliver and stop.
    """
    import concurrent.futures.thread  # noqa: F401, PLC0415 - registers its own end, which must come after ours

    register = getattr(threading, "_register_atexit", atexit.register)
    register(_drain)
    process_exit.begin_with(_drain)


def hold() -> None:
    """Have events carry the caller's trace context until `release`."""
    with _Wrapped.lock:
        if not _Wrapped.drains_at_exit:
            _Wrapped.drains_at_exit = True
            _drain_at_exit()
        _Wrapped.holders += 1
        if _Wrapped.patch is None:
            _Wrapped.patch = Patch(_LoggerMixin, _PREPARE, _over(getattr(_LoggerMixin, _PREPARE)))
            fork.watch(_FORKS)


def release() -> None:
    """Undo one `hold`; the last puts fapilog's own function back."""
    with _Wrapped.lock:
        _Wrapped.holders -= 1
        if not _Wrapped.holders and _Wrapped.patch is not None:
            _Wrapped.patch.undo()
            _Wrapped.patch = None
            fork.unwatch(_FORKS)


def _over(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def _prepare_payload(logger: Any, *args: Any, **kwargs: Any) -> Any:
        if STALE:
            _FORKS.revive(logger)
        payload = original(logger, *args, **kwargs)
        try:
            if payload is not None:
                _add_to(payload)
            if _COMPANION not in vars(logger):
                _add_companion(logger)
        except Exception as error:  # noqa: BLE001 - a log call never raises because of us
            get_diagnostics().note("fapilog.context", "an event goes without trace context", error=type(error).__name__)
        return payload

    return _prepare_payload


def _add_to(payload: dict[str, Any]) -> None:
    context = payload["context"]
    if "trace_id" not in context and "span_id" not in context:  # the caller's own win
        trace_id, span_id, flags = span_context_ids(None)
        if trace_id:
            context["trace_id"] = f"{trace_id:032x}"
            context["span_id"] = f"{span_id:016x}"
            context[TRACE_FLAGS] = f"{flags & 0xFF:02x}"
    if is_internal():
        context[INTERNAL] = True


def _add_companion(logger: Any) -> None:
    """Have our sinks flushed when the logger is drained, where fapilog stops its enrichers and never its sinks.

    The enricher is not put into the snapshot that events are enriched by: it costs no event anything.
    """
    setattr(logger, _COMPANION, True)
    sinks = [sink for sink in logger._sinks if getattr(sink, "flush_on_drain", False)]  # noqa: SLF001
    logger._enrichers.append(Companion(sinks))  # noqa: SLF001
    for sink in sinks:
        sink.provider()  # its thread cannot be started when the process ends, on CPython 3.12.0 and 3.12.1


class Companion:
    """An enricher that adds nothing and, when it is stopped, flushes sinks.

    Args:
        sinks: Ours.
    """

    name = "fapilog_otel_flush"

    def __init__(self, sinks: list[Any]) -> None:
        self._sinks = sinks

    async def enrich(self, _: dict[str, Any]) -> dict[str, Any]:
        """Add nothing."""
        return {}

    async def stop(self) -> None:
        """Flush."""
        for sink in (*self._sinks, *EVERYWHERE):
            if sink.flush_on_drain:
                sink.flush()
