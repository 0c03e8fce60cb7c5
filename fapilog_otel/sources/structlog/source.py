"""The structlog source: its options, its handle, and the way of an event to the provider."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fapilog_otel.encode.select import LoggerBase, own_logger
from fapilog_otel.model.anyvalue import Budget, normalise, normalise_key
from fapilog_otel.model.record import Record
from fapilog_otel.model.scope import Scope
from fapilog_otel.sources.installing import check_provider, same_handle, severity_gate
from fapilog_otel.sources.structlog.hook import Hook
from fapilog_otel.sources.structlog.processors import exports
from fapilog_otel.sources.structlog.translate import Event, fields_of, parts_of, scope_name, severity

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fapilog_otel.assembly.gates import LevelGate
    from fapilog_otel.sources.stdlib.source import OtelLogger, Provider

_MAX_TARGETS: Final = 4096


class _Target(NamedTuple):
    logger: OtelLogger
    floor: int
    write: Callable[..., None] | None  # our own logger's shorter way, for records of this very moment


class _Capture:
    """Hands events to a provider's loggers.

    Args:
        provider: Where loggers come from, one a scope name.
        gate: Lowest severity numbers by logger name.
    """

    def __init__(self, provider: Provider, gate: LevelGate) -> None:
        self._provider = provider
        self._gate = gate
        self._targets: dict[str, _Target] = {}

    def __call__(self, event: Event) -> None:
        name = scope_name(event)
        target = self._targets.get(name) or self._add(name)
        if target.floor and severity(event.method)[0] < target.floor:
            return
        number, text, body, attributes, event_name = parts_of(event, name)
        if event_name is None and target.write is not None:
            target.write(number, text, body, (), None, attributes)
            return
        now = time.time_ns()
        target.logger.emit(
            timestamp=now,
            observed_timestamp=now,
            severity_number=number,
            severity_text=text,
            body=body,
            attributes=attributes,
            event_name=event_name,
        )

    def target(self, name: str) -> tuple[object, int]:
        """Give our own logger of a name, or None where it is another's, and the lowest severity number."""
        target = self._targets.get(name) or self._add(name)
        return own_logger(target.logger), target.floor

    def _add(self, name: str) -> _Target:
        if len(self._targets) >= _MAX_TARGETS:
            self._targets.clear()
        logger = self._provider.get_logger(name)
        write = logger.write if isinstance(logger, LoggerBase) else None
        target = self._targets[name] = _Target(logger, self._gate.of(name), write)
        return target


class StructlogHandle:
    """The installed structlog source."""

    def __init__(self, source: StructlogSource, provider: object, hook: Hook) -> None:
        self._source = source
        self._provider = provider
        self._hook = hook

    @property
    def installed(self) -> bool:
        """Whether `uninstall` has not been called yet."""
        return self._hook.installed

    @property
    def failed(self) -> int:
        """Events that an unforeseen error kept from being captured."""
        return self._hook.failed

    def uninstall(self) -> None:
        """Put structlog back as it was before `StructlogSource.install`; a second call does nothing."""
        with _lock:
            if self._hook.installed:
                self._hook.uninstall()
                _installed.clear()

    def serves(self, source: object, provider: object) -> bool:
        """Tell whether this is what installing the source for the provider would give."""
        return self._source == source and self._provider is provider


_lock = threading.Lock()
_installed: list[StructlogHandle] = []


class StructlogSource:
    """Captures the events of every structlog logger that derives from ``BoundLoggerBase``, as all of structlog's own.

    Nothing of the application's configuration is read or changed: events are printed as before, and ``configure``,
    ``configure_once`` and ``reset_defaults`` may be called at any time. Where structlog hands its events to
    ``logging``, they are captured here, with their structure, and not a second time there.

    Args:
        level: Nothing below it is captured. None: what the application's own chain lets pass.
        levels: Logger name to level, for that logger and its children, over ``level``.

    Raises:
        ConfigError: A level is unknown.
    """

    def __init__(self, level: str | int | None = None, levels: Mapping[str, str | int] | None = None) -> None:
        self._gate = severity_gate(level, levels)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, StructlogSource):
            return NotImplemented
        return self._gate == other._gate

    def __hash__(self) -> int:
        return hash(self._gate)

    def install(self, provider: object) -> StructlogHandle:
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
            if _installed:
                return same_handle(_installed[0], "structlog", self, provider)
            capture = _Capture(provider, self._gate)  # type: ignore[arg-type]
            hook = Hook(capture, exports, capture.target)
            hook.install()
            handle = StructlogHandle(self, provider, hook)
            _installed.append(handle)
            return handle

    def to_record(self, native: object) -> Record:
        """Give an event dictionary as an OTel record, with ``logger`` as scope and without trace context.

        Args:
            native: The dictionary that a renderer would get; ``level`` tells the level, INFO without.

        Raises:
            TypeError: It is not a mapping.
        """
        if not isinstance(native, dict):
            raise TypeError(f"to_record needs an event dictionary, not {type(native).__name__}")
        level = native.get("level", native.get("log_level"))
        method = level if isinstance(level, str) else "info"
        event = Event(None, method, native.get("event"), {}, {}, dict(native))
        name = scope_name(event)
        fields: dict[str, Any] = fields_of(event)
        budget = Budget()
        return Record(
            timestamp=0,  # an event dictionary does not tell
            observed_timestamp=fields["observed_timestamp"],
            severity_number=fields["severity_number"],
            severity_text=fields["severity_text"],
            body=normalise(fields["body"], budget),
            attributes={normalise_key(key): normalise(value, budget) for key, value in fields["attributes"].items()},
            event_name=fields["event_name"] or "",
            scope=Scope(name),
        )
