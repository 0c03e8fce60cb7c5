"""The fapilog source: its options, its handle, and where it meets fapilog's events."""

from __future__ import annotations

import functools
import threading
from typing import TYPE_CHECKING, Any, Final

from fapilog.core.worker import LoggerWorker
from fapilog.plugins import loader

from fapilog_otel.model.anyvalue import Budget, normalise, normalise_key
from fapilog_otel.model.record import Record
from fapilog_otel.model.scope import Scope
from fapilog_otel.sources.fapilog import callers
from fapilog_otel.sources.fapilog.sink import NAME, TAKEN, FapilogOtelSink
from fapilog_otel.sources.fapilog.translate import EventRecord, origin, scope_name, severity_of
from fapilog_otel.sources.forwarded import stdlib_is_captured
from fapilog_otel.sources.installing import check_provider, same_handle, severity_gate
from fapilog_otel.sources.stdlib.patch import Patch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_GROUP: Final = "fapilog.sinks"
_WRITE: Final = "_write_one_event"

_lock = threading.Lock()
_installed: list[FapilogHandle] = []


class FapilogHandle:
    """The installed fapilog source."""

    def __init__(self, source: FapilogSource, provider: object) -> None:
        self._source = source
        self._provider = provider
        self._sink = FapilogOtelSink(provider=provider)  # type: ignore[arg-type]
        callers.EVERYWHERE.append(self._sink)
        self._known = NAME in loader.BUILTIN_SINKS
        if not self._known:
            loader.register_builtin(_GROUP, NAME, FapilogOtelSink, aliases=["fapilog-otel"])
        self._patch: Patch | None = Patch(LoggerWorker, _WRITE, self._over(getattr(LoggerWorker, _WRITE)))

    @property
    def installed(self) -> bool:
        """Whether `uninstall` has not been called yet."""
        return self._patch is not None

    @property
    def failed(self) -> int:
        """Events that an unforeseen error kept from being captured."""
        return self._sink.failed

    def _over(self, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        async def _write_one_event(worker: Any, sem: Any, entry: Any, view: Any) -> Any:
            taken: list[object] = []
            token = TAKEN.set(taken)
            try:
                return await original(worker, sem, entry, view)
            finally:
                TAKEN.reset(token)
                if not any(one is self._provider for one in taken):
                    self._take(entry)

        return _write_one_event

    def _take(self, entry: Any) -> None:
        if self._patch is not None and isinstance(entry, dict) and self._source.wants(entry):
            self._sink.take(entry)

    def uninstall(self) -> None:
        """Put fapilog back as it was before `FapilogSource.install`; a second call does nothing."""
        with _lock:
            if self._patch is None:
                return
            self._patch.undo()
            self._patch = None
            callers.EVERYWHERE.remove(self._sink)
            self._sink.let_go()
            if not self._known:
                loader.BUILTIN_SINKS.pop(NAME, None)
                loader.BUILTIN_ALIASES.get(_GROUP, {}).pop(NAME, None)
            _installed.clear()

    def serves(self, source: object, provider: object) -> bool:
        """Tell whether this is what installing the source for the provider would give."""
        return self._source == source and self._provider is provider


class FapilogSource:
    """Captures what every logger of fapilog hands to its sinks, after its filters, enrichers and redactors.

    The application's sinks get every event as before. The sink ``fapilog_otel`` becomes one of the built-in ones while
    the source is installed, and a logger that has it delivers each event once.

    Args:
        level: Nothing below it is captured. None: what fapilog's own levels and filters let pass.
        levels: Logger name to level, for that logger and its children, over ``level``.

    Raises:
        ConfigError: A level is unknown.
    """

    def __init__(self, level: str | int | None = None, levels: Mapping[str, str | int] | None = None) -> None:
        self._gate = severity_gate(level, levels)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, FapilogSource):
            return NotImplemented
        return self._gate == other._gate

    def __hash__(self) -> int:
        return hash(self._gate)

    def install(self, provider: object) -> FapilogHandle:
        """Start capturing for a provider.

        Args:
            provider: A ``fapilog_otel.LoggerProvider``, or anything with the API's ``get_logger``.

        Returns:
            The handle; the same one again where an equal source is installed for the same provider.

        Raises:
            ConfigError: The provider is none, or the source is installed with other options or for another provider.
        """
        check_provider(provider)
        with _lock:
            if not _installed:
                _installed.append(FapilogHandle(self, provider))
            return same_handle(_installed[0], "fapilog", self, provider)

    def wants(self, event: Mapping[str, Any]) -> bool:
        """Tell whether an event passes the levels, and is not one that the stdlib source has already."""
        if origin(event) == "stdlib" and stdlib_is_captured():
            return False
        return severity_of(event.get("level"))[0] >= self._gate.of(scope_name(event))

    def to_record(self, native: object) -> Record:
        """Give an event as fapilog's sinks see it, with the logger as scope and the ids in its ``context``.

        Raises:
            TypeError: It is not a dictionary.
        """
        if not isinstance(native, dict):
            raise TypeError(f"to_record needs an event of fapilog, not {type(native).__name__}")
        event = EventRecord(native)
        budget = Budget()
        return Record(
            timestamp=event.timestamp,
            observed_timestamp=event.observed_timestamp,
            severity_number=event.severity_number,
            severity_text=event.severity_text,
            body=normalise(event.body, budget),
            attributes={normalise_key(key): normalise(value, budget) for key, value in event.attributes.items()},
            trace_id=event.trace_id,
            span_id=event.span_id,
            trace_flags=event.trace_flags,
            event_name=event.event_name or "",
            scope=Scope(scope_name(native)),
        )
