"""The sink ``fapilog_otel``: what fapilog hands to it is encoded at once and delivered by our pipeline."""

from __future__ import annotations

import threading
import weakref
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

from fapilog_otel.compat.api import current_logger_provider
from fapilog_otel.errors import ConfigError
from fapilog_otel.provider.provider import LoggerProvider
from fapilog_otel.sources.fapilog import callers
from fapilog_otel.sources.fapilog.translate import EventRecord, event_of, is_marked_internal, scope_name
from fapilog_otel.telemetry.diagnostics import get_diagnostics

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fapilog_otel.sources.stdlib.source import Provider
    from fapilog_otel.telemetry.accounting import Stats

NAME: Final = "fapilog_otel"

PLUGIN_METADATA: Final = {
    "name": NAME,
    "version": "0.1.0",
    "plugin_type": "sink",
    "entry_point": "fapilog_otel.sources.fapilog.sink:FapilogOtelSink",
    "description": "Delivers events as OpenTelemetry log records over OTLP, each with the span that it was logged in.",
    "author": "The fapilog_otel authors",
    "compatibility": {"min_fapilog_version": "0.18.0"},
    "api_version": "1.0",
}

TAKEN: ContextVar[list[object] | None] = ContextVar("fapilog_otel_taken", default=None)
"""While the installed source waits for the sinks to have had an event: what was delivered where the source delivers."""


class FapilogOtelSink:
    """A sink of fapilog's that delivers over OTLP; it only appends to our own buffer, and never waits.

    Args:
        config: Our settings by name, ``endpoint``, ``headers``, ``service_name`` …; they may be given as keywords too.
            None: the global OpenTelemetry log provider where that is ours, as after ``configure()``; else settings from
            the environment.
        provider: Where to deliver instead.
        **options: Settings, over those in ``config``.

    Raises:
        ConfigError: A setting is unknown or cannot be used.
    """

    name = NAME

    def __init__(
        self, config: Mapping[str, Any] | None = None, *, provider: Provider | None = None, **options: Any
    ) -> None:
        self._settings = _checked({**_unwrapped(config), **options})
        self._provider = provider
        self._own: LoggerProvider | None = None
        self._lock = threading.Lock()
        self._stopped = False
        self.failed = 0
        callers.hold()
        self._release = weakref.finalize(self, callers.release)
        self._release.atexit = False

    @property
    def flush_on_drain(self) -> bool:
        """Whether draining a logger is to flush this sink."""
        return not self._stopped

    def provider(self) -> Any:
        """Give the provider that events go to."""
        if self._provider is not None:
            return self._provider
        found: Any = None if self._settings else current_logger_provider()
        if isinstance(found, LoggerProvider):
            return found
        with self._lock:
            if self._own is None:
                self._own = LoggerProvider(settings=_settings(self._settings))
            return self._own

    async def start(self) -> None:
        """Begin delivering; fapilog calls it before the first `write`, and never before `write_serialized`."""
        self.provider()

    async def write(self, entry: dict[str, Any]) -> bool:
        """Take an event.

        Returns:
            Whether it was taken; fapilog hands what was not to its fallback.
        """
        return self.take(entry)

    async def write_serialized(self, view: object) -> bool:
        """Take an event that is JSON already; what a processor has made something else of goes out as bytes."""
        event = event_of(view)
        if event is not None:
            return self.take(event)
        get_diagnostics().note("fapilog.not_json", "a processor of fapilog makes no JSON; sent as bytes")
        return self.take({"message": bytes(getattr(view, "data", view)), "logger": NAME})  # type: ignore[call-overload]

    def take(self, event: Mapping[str, Any]) -> bool:
        """Take an event; never raises an `Exception`."""
        try:
            if not is_marked_internal(event):
                provider = self.provider()
                provider.get_logger(scope_name(event)).emit(EventRecord(event))
                taken = TAKEN.get()
                if taken is not None:
                    taken.append(provider)
        except Exception as error:  # noqa: BLE001 - an AttributeError out of a sink would lose the event without a word
            self.failed += 1
            get_diagnostics().note("fapilog.failed", "an event of fapilog was not captured", error=type(error).__name__)
            return False
        return True

    def flush(self, seconds: float = 2.0) -> bool:
        """Deliver what is pending; called when a logger is drained.

        Args:
            seconds: Deadline; fapilog's own for draining is 3 s.
        """
        provider: Any = self.provider()
        return bool(provider.force_flush(seconds * 1000)) if hasattr(provider, "force_flush") else True

    def let_go(self) -> None:
        """Need the caller's trace context no longer."""
        self._stopped = True
        self._release()

    async def stop(self) -> None:
        """Deliver what is pending and stop, for those who call it: fapilog does not."""
        if self._stopped:
            return
        self.let_go()
        if self._own is not None:
            self._own.shutdown()
        else:
            self.flush()

    async def health_check(self) -> bool:
        """Tell whether events are being taken."""
        return not self._stopped

    def stats(self) -> Stats:
        """Count what became of the events: fapilog's ``processed`` says only that a sink was called."""
        found: Any = self.provider()
        stats: Stats = found.stats()
        return stats


def _unwrapped(config: Mapping[str, Any] | None) -> Mapping[str, Any]:
    given = config or {}
    inner = given.get("config")
    return inner if isinstance(inner, dict) else given


def _checked(given: dict[str, Any]) -> dict[str, Any]:
    """Give settings that can be used; fapilog would only leave the sink out, so what is wrong is said here too."""
    try:
        _settings(given)
    except ConfigError as error:
        get_diagnostics().report("fapilog.sink", "the sink fapilog_otel is refused", level="error", cause=str(error))
        raise
    return given


def _settings(given: Mapping[str, Any]) -> Any:
    from fapilog_otel.settings import load_settings  # noqa: PLC0415 - pydantic, and only where a sink is made

    return load_settings(given)
