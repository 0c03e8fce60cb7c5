"""The stdlib source: its options, its handle, and the way of a captured record to the provider."""

from __future__ import annotations

import functools
import logging
import threading
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from fapilog_otel.compat.api import suppression_active
from fapilog_otel.sources.installing import check_provider, same_handle
from fapilog_otel.sources.stdlib.compiled import record_path
from fapilog_otel.sources.stdlib.correlation import Correlation, service_name_of
from fapilog_otel.sources.stdlib.fast import Shortcut
from fapilog_otel.sources.stdlib.hook import Hook
from fapilog_otel.sources.stdlib.levels import LevelRules, stdlib_level
from fapilog_otel.sources.stdlib.stock import StockHandlers
from fapilog_otel.sources.stdlib.translate import Selection, fields_of, level_number, record_of, scope_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fapilog_otel.model.record import Record
    from fapilog_otel.sources._stdlib_native import RecordPath

# Loggers of what exporters send with. Another exporter in the process says by OpenTelemetry's suppression key that they
# work for it just now; what the application does with them at other times is the application's.
_TRANSPORTS: Final = frozenset(
    ("aiohttp", "botocore", "grpc", "h11", "h2", "hpack", "httpcore", "httpx", "opentelemetry", "requests", "urllib3")
)

_MAX_TARGETS: Final = 4096  # logger names; an application that makes one a request must not fill the memory


class OtelLogger(Protocol):
    """What a captured record is handed to: the API's ``Logger``."""

    def emit(self, record: Any = None, **fields: Any) -> None:
        """Take a record by its fields."""


class Provider(Protocol):
    """What the source needs of a provider."""

    def get_logger(self, name: str) -> OtelLogger:
        """Give the logger of a scope."""
        ...


class _Target(NamedTuple):
    """What is known of a logger's name."""

    logger: OtelLogger
    floor: int
    is_transport: bool


class _Capture:
    """Translates records and hands them to a provider's loggers.

    Args:
        provider: Where loggers come from, one a logger name.
        rules: The levels below which nothing is captured.
        selection: The attributes that records get.
    """

    def __init__(self, provider: Provider, rules: LevelRules, selection: Selection) -> None:
        self._provider = provider
        self._rules = rules
        self._selection = selection
        self._targets: dict[str, _Target] = {}

    def __call__(self, record: logging.LogRecord) -> None:
        name = scope_name(record)
        target = self._targets.get(name) or self._add_target(name)
        if 0 < level_number(record) < target.floor or (target.is_transport and suppression_active()):
            return  # a record without a level passes
        target.logger.emit(**fields_of(record, self._selection))

    def target(self, name: str) -> tuple[OtelLogger | None, int]:
        """Give the logger that always takes the records of a name, or None, and the lowest level that is captured."""
        target = self._targets.get(name) or self._add_target(name)
        return (None if target.is_transport else target.logger), target.floor

    def _add_target(self, name: str) -> _Target:
        logger = self._provider.get_logger(name)
        target = _Target(logger, self._rules.floor(name), name.partition(".")[0] in _TRANSPORTS)
        if len(self._targets) >= _MAX_TARGETS:
            self._targets.clear()
        self._targets[name] = target
        return target


class StdlibHandle:
    """The installed stdlib source."""

    def __init__(
        self,
        source: StdlibSource,
        provider: object,
        hook: Hook,
        shortcut: Shortcut | None,
        correlation: Correlation | None,
    ) -> None:
        self._source = source
        self._provider = provider
        self._hook = hook
        self._shortcut = shortcut
        self._correlation = correlation
        self._stock = StockHandlers()
        self._stock.install()

    @property
    def installed(self) -> bool:
        """Whether `uninstall` has not been called yet."""
        return self._hook.installed

    @property
    def dropped(self) -> int:
        """Records left out because they were logged while another was translated, more than three deep."""
        return self._hook.dropped

    @property
    def failed(self) -> int:
        """Records that an unforeseen error kept from being captured."""
        return self._hook.failed

    def uninstall(self) -> None:
        """Put ``logging`` back as it was before `StdlibSource.install`; a second call does nothing."""
        with _lock:
            if self._hook.installed:
                self._stock.uninstall()
                if self._shortcut is not None:
                    self._shortcut.uninstall()
                self._hook.uninstall()
                if self._correlation is not None:
                    self._correlation.uninstall()
                _installed.clear()

    def serves(self, source: object, provider: object) -> bool:
        """Tell whether this is what installing the source for the provider would give."""
        return self._source == source and self._provider is provider


_lock = threading.Lock()
_installed: list[StdlibHandle] = []


class StdlibSource:
    """Captures what the process logs through ``logging``, on every logger, without a handler.

    The application's levels, handlers and configuration stay as they are and keep what they do: a record that only we
    want reaches none of its handlers.

    Args:
        level: Nothing below it is captured; where a logger inherits its level from the root, everything from it on is,
            for us alone. A level that the application set on a logger is obeyed. None: the application's own levels,
            but INFO where the root still stands at WARNING.
        levels: Logger name to level, for that logger and its children, over ``level`` and the application's levels.
        code_attributes: Whether records tell file, line and function of the log call.
        thread_attributes: Whether records tell id and name of the thread.
        fast_stdlib: Whether a call whose record nobody else needs goes straight to the encoder. Without the compiled
            functions, and with ``thread_attributes``, it never does.
        correlation: Whether records get ``otelTraceID``, ``otelSpanID``, ``otelTraceSampled`` and ``otelServiceName``,
            for handlers to print, and ``basicConfig`` is called with a format that does.
        correlation_format: That format; None: the one of OpenTelemetry's own instrumentation.
        correlation_level: The root's level that ``basicConfig`` sets; None: INFO.

    Raises:
        ConfigError: A level is unknown.
    """

    def __init__(
        self,
        level: str | int | None = None,
        levels: Mapping[str, str | int] | None = None,
        *,
        code_attributes: bool = True,
        thread_attributes: bool = False,
        fast_stdlib: bool = True,
        correlation: bool = False,
        correlation_format: str | None = None,
        correlation_level: str | int | None = None,
    ) -> None:
        self._rules = LevelRules(level, levels)
        self._selection = Selection(code_attributes, thread_attributes)
        self._fast = fast_stdlib
        printed = None if correlation_level is None else stdlib_level("correlation_level", correlation_level)
        self._correlated = (correlation_format, printed) if correlation else None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, StdlibSource):
            return NotImplemented
        return self._options() == other._options()

    def __hash__(self) -> int:
        return hash(self._options())

    def _options(self) -> tuple[object, ...]:
        return self._rules, self._selection, self._fast, self._correlated

    def install(self, provider: object) -> StdlibHandle:
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
                return same_handle(_installed[0], "stdlib", self, provider)
            capture = _Capture(provider, self._rules, self._selection)  # type: ignore[arg-type]
            path = record_path(capture.target, self._selection)
            correlation = self._correlate(provider, path)
            hook = Hook(capture, self._rules, path)
            hook.install()
            short = self._fast and not self._selection.thread
            shortcut = Shortcut(hook, path) if path is not None and short else None
            handle = StdlibHandle(self, provider, hook, shortcut, correlation)
            _installed.append(handle)
            return handle

    def _correlate(self, provider: object, path: RecordPath | None) -> Correlation | None:
        if self._correlated is None:
            return None
        correlation = Correlation(functools.partial(service_name_of, provider), *self._correlated)
        correlation.install()
        if path is not None and correlation.alone:
            path.factory = correlation.factory  # what it adds is for handlers, which the short way has none of
        return correlation

    def to_record(self, native: object) -> Record:
        """Give a ``logging.LogRecord`` as an OTel record with the logger's name as scope and without trace context.

        Raises:
            TypeError: It is not a ``LogRecord``.
        """
        if not isinstance(native, logging.LogRecord):
            raise TypeError(f"to_record needs a logging.LogRecord, not {type(native).__name__}")
        return record_of(native, self._selection)
