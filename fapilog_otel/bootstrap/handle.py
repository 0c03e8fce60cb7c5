"""What ``configure()`` returns: flush, shutdown and stats of the running bridge."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from fapilog_otel.buffer import exit as process_exit
from fapilog_otel.telemetry.accounting import Stats
from fapilog_otel.telemetry.diagnostics import get_diagnostics

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from typing_extensions import Self

    from fapilog_otel.contracts import SourceHandle
    from fapilog_otel.provider.provider import LoggerProvider
    from fapilog_otel.settings import Settings


class Handle:
    """A configured bridge; a context manager, sync and async, that shuts it down at the end.

    Args:
        provider: The provider that feeds it.
        settings: What it was configured with.
        on_shutdown: Called once, after shutdown.

    Attributes:
        is_zero_code: Whether it was configured at the start, without code: a ``configure()`` in the code replaces it.
    """

    def __init__(self, provider: LoggerProvider, settings: Settings, on_shutdown: Callable[[Handle], None]) -> None:
        self.provider = provider
        self.settings = settings
        self._engine = provider.engine
        self._sources: list[SourceHandle] = []
        self._on_shutdown = on_shutdown
        self._down = False
        self.is_zero_code = False

    @property
    def closed(self) -> bool:
        """Whether it has been shut down."""
        return self._down

    def add_source(self, source: SourceHandle) -> None:
        """Have a source uninstalled at shutdown too."""
        self._sources.append(source)

    def stats(self) -> Stats:
        """Count everything at one instant."""
        return Stats() if self._engine is None else self._engine.stats()

    def flush(self, timeout: float | None = None) -> bool:
        """Deliver all that is pending at the call, through attached processors too.

        Args:
            timeout: Seconds; None: ``shutdown_timeout``.

        Returns:
            True if all of it was delivered in time; False if any was lost, rejected or is still pending.
        """
        return True if self._down else self.provider.force_flush(self._seconds(timeout) * 1000)

    async def aflush(self, timeout: float | None = None) -> bool:
        """Deliver all that is pending without blocking the event loop; see `flush`."""
        if self._down:
            return True
        seconds = self._seconds(timeout)
        deadline = time.monotonic() + seconds
        foreign = self.provider.processors.begin_flush(seconds)
        pending = [asyncio.wrap_future(future) for future in foreign.futures]
        if self._engine is not None:
            pending.append(asyncio.wrap_future(self._engine.begin_flush(seconds)))
        if pending:
            await asyncio.wait(pending, timeout=seconds + 0.1)
        flushed = all(future.done() and future.result() for future in pending)
        return foreign.wait(min(deadline, time.monotonic())) and flushed

    def shutdown(self, timeout: float | None = None) -> bool:
        """Uninstall the sources, deliver what is pending and stop; a second call does nothing and gives True.

        Args:
            timeout: Seconds for everything; None: ``shutdown_timeout``. What is left then is counted as lost.

        Returns:
            True if all that was pending was delivered.
        """
        if self._down:
            return True
        self._down = True
        process_exit.unwatch(self)
        seconds = self._seconds(timeout)
        deadline = time.monotonic() + seconds
        self._uninstall_sources()
        clean = self.provider.shutdown(max(deadline - time.monotonic(), 0.05) * 1000)
        more_time = "raise `shutdown_timeout`" if timeout is None else f"give it more than {seconds:g} s"
        self._report_losses(more_time)
        self._on_shutdown(self)
        return clean

    def _uninstall_sources(self) -> None:
        for source in self._sources:
            try:
                source.uninstall()
            except Exception as error:  # noqa: BLE001 - a plugin's own code; what is pending must still be delivered
                name = type(source).__name__
                get_diagnostics().report(f"uninstall.{name}", f"{name}.uninstall() raised", cause=repr(error))

    def _report_losses(self, more_time: str) -> None:
        engine = self._engine
        if engine is None:
            return
        stats = engine.stats()
        lost = stats.dropped_by_reason.get("shutdown", 0) + stats.failed_by_reason.get("shutdown", 0)
        if lost:
            engine.spec.diagnostics.report(
                "shutdown.lost",
                f"{lost} record{' was' if lost == 1 else 's were'} not delivered before the shutdown deadline",
                delivered=stats.delivered,
                dropped=stats.dropped,
                failed=stats.failed,
                remedy=f"{more_time}, or see why the receiver did not answer",
            )
            engine.spec.diagnostics.flush()

    async def ashutdown(self, timeout: float | None = None) -> bool:
        """Shut down without blocking the event loop while records are delivered; see `shutdown`."""
        if self._down:
            return True
        seconds = self._seconds(timeout)
        started = time.monotonic()
        flushed = await self.aflush(seconds)
        return self.shutdown(max(seconds - (time.monotonic() - started), 0.1)) and flushed

    def _seconds(self, timeout: float | None) -> float:
        return self.settings.shutdown_timeout if timeout is None else max(timeout, 0.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.ashutdown()

    def __repr__(self) -> str:
        state = "closed" if self._down else "open"
        stats: Any = self.stats()
        return f"<fapilog_otel.Handle {state} submitted={stats.submitted} delivered={stats.delivered}>"
