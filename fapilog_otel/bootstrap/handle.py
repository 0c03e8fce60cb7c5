"""What ``configure()`` returns: flush, shutdown and stats of the running bridge."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from fapilog_otel.buffer import exit as process_exit
from fapilog_otel.buffer.health import health_of
from fapilog_otel.buffer.losses import tell_shutdown_losses
from fapilog_otel.telemetry.accounting import Stats
from fapilog_otel.telemetry.diagnostics import get_diagnostics
from fapilog_otel.telemetry.health import HealthReport

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from prometheus_client import CollectorRegistry
    from typing_extensions import Self

    from fapilog_otel.contracts import SourceHandle
    from fapilog_otel.provider.provider import LoggerProvider
    from fapilog_otel.settings import Settings
    from fapilog_otel.telemetry.operations import Durations
    from fapilog_otel.telemetry.prometheus import BridgeCollector


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
        self._collectors: dict[CollectorRegistry, BridgeCollector] = {}
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

    def health(self) -> HealthReport:
        """Tell how every destination is doing now; cheap, from any thread, and ready for a health endpoint.

        Returns:
            A frozen report; ``report.healthy`` is the verdict, ``report.as_dict()`` the whole for JSON.
        """
        return HealthReport(self._down) if self._engine is None else health_of(self._engine)

    def operations(self) -> Mapping[str, Mapping[str, Durations]]:
        """Give how long deliveries took, by destination and by how they ended (success: the empty reason)."""
        branches = () if self._engine is None else self._engine.branches
        return {branch.name: branch.sender.operations.by_reason() for branch in branches}

    def register_prometheus(self, registry: CollectorRegistry | None = None) -> BridgeCollector:
        """Have a Prometheus registry tell of this bridge, until it is shut down; a second call does nothing.

        Args:
            registry: A ``prometheus_client`` registry; None: the default one.

        Returns:
            The collector.

        Raises:
            ValueError: The registry tells of another bridge already.
        """
        from prometheus_client import REGISTRY  # noqa: PLC0415 - only where Prometheus is wanted

        from fapilog_otel.telemetry.prometheus import BridgeCollector  # noqa: PLC0415 - the same

        wanted = REGISTRY if registry is None else registry
        found = self._collectors.get(wanted)
        if found is None:
            found = BridgeCollector(self)
            wanted.register(found)
            self._collectors[wanted] = found
        return found

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
        if self._engine is not None:
            tell_shutdown_losses(self._engine, more_time)
        self._unregister()
        self._on_shutdown(self)
        return clean

    def _unregister(self) -> None:
        while self._collectors:
            registry, collector = self._collectors.popitem()
            with suppress(KeyError):  # the application has unregistered it itself
                registry.unregister(collector)

    def _uninstall_sources(self) -> None:
        for source in self._sources:
            try:
                source.uninstall()
            except Exception as error:  # noqa: BLE001 - a plugin's own code; what is pending must still be delivered
                name = type(source).__name__
                get_diagnostics().report(f"uninstall.{name}", f"{name}.uninstall() raised", cause=repr(error))

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
