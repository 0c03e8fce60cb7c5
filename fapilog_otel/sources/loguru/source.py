"""The loguru source: its options, its handle, and how it is put into loguru."""

from __future__ import annotations

import functools
import threading
from typing import TYPE_CHECKING, Any

from loguru import _simple_sinks, logger  # no public name for the sinks; the tests run against supported versions

from fapilog_otel.errors import ConfigError
from fapilog_otel.model.anyvalue import Budget, normalise, normalise_key
from fapilog_otel.model.record import Record
from fapilog_otel.model.scope import Scope
from fapilog_otel.sources.installing import check_provider, same_handle
from fapilog_otel.sources.loguru.capture import Capture
from fapilog_otel.sources.loguru.handlers import Handlers
from fapilog_otel.sources.loguru.translate import Selection, fields_of, scope_name
from fapilog_otel.sources.stdlib.levels import stdlib_level
from fapilog_otel.sources.stdlib.patch import Patch
from fapilog_otel.telemetry.origin import exporting

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_lock = threading.Lock()
_installed: list[LoguruHandle] = []


class LoguruHandle:
    """The installed loguru source."""

    def __init__(self, source: LoguruSource, provider: object, core: Any, capture: Capture) -> None:
        self._source = source
        self._provider = provider
        self._core = core
        self._capture = capture
        self._patch = _cover_sinks_of_logging()

    @property
    def installed(self) -> bool:
        """Whether `uninstall` has not been called yet."""
        return self._capture.active

    @property
    def dropped(self) -> int:
        """Messages left out because they were logged while another was translated, more than three deep."""
        return self._capture.dropped

    @property
    def failed(self) -> int:
        """Messages that an unforeseen error kept from being captured."""
        return self._capture.failed

    def uninstall(self) -> None:
        """Put loguru back as it was before `LoguruSource.install`; a second call does nothing."""
        with _lock:
            if not self._capture.active:
                return
            self._capture.active = False
            if self._patch is not None:
                self._patch.undo()
            with self._core.lock:
                handlers = self._core.handlers
                if isinstance(handlers, Handlers):
                    self._core.min_level = handlers.min_level()
                    self._core.handlers = dict(handlers)
            _installed.clear()

    def serves(self, source: object, provider: object) -> bool:
        """Tell whether this is what installing the source for the provider would give."""
        return self._source == source and self._provider is provider


class LoguruSource:
    """Captures what is logged with loguru, on the thread and in the span of the call.

    The application's sinks stay and get what their own levels admit; ``remove()`` and ``configure(handlers=…)`` take
    out what the application has added, and not this.

    Args:
        level: Nothing below it is captured, and everything from it on is, whatever the application's sinks want.
            None: the lowest level of the application's sinks, DEBUG where it has none.
        levels: Module name to level, for that module and its children, over ``level``.
        code_attributes: Whether records tell file, line and function of the log call.
        thread_attributes: Whether records tell id and name of the thread.

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
    ) -> None:
        self._level = None if level is None else _level("level", level)
        self._levels = {name: _level(f"levels[{name!r}]", value) for name, value in (levels or {}).items()}
        self._selection = Selection(code_attributes, thread_attributes)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, LoguruSource):
            return NotImplemented
        return (self._level, self._levels, self._selection) == (other._level, other._levels, other._selection)

    def __hash__(self) -> int:
        return hash((self._level, tuple(sorted(self._levels.items())), self._selection))

    def install(self, provider: object) -> LoguruHandle:
        """Start capturing for a provider.

        Args:
            provider: A ``fapilog_otel.LoggerProvider``, or anything with the API's ``get_logger``.

        Returns:
            The handle; the same one again where an equal source is installed for the same provider.

        Raises:
            ConfigError: The provider is none, the source is installed with other options or for another provider, or
                loguru's version is one that this does not know.
        """
        check_provider(provider)
        with _lock:
            if _installed:
                return same_handle(_installed[0], "loguru", self, provider)
            core = _core()
            capture = Capture(provider, self._level, self._levels, self._selection)  # type: ignore[arg-type]
            with core.lock:
                handlers = core.handlers = Handlers(core.handlers, core, capture)
                core.min_level = handlers.min_level()
            handle = LoguruHandle(self, provider, core, capture)
            _installed.append(handle)
            return handle

    def to_record(self, native: object) -> Record:
        """Give a record as a loguru sink has it (``message.record``), the module as scope, without trace context.

        Raises:
            TypeError: It is not a dictionary.
        """
        if not isinstance(native, dict):
            raise TypeError(f"to_record needs a loguru record, not {type(native).__name__}")
        fields = fields_of(native, self._selection)
        budget = Budget()
        return Record(
            timestamp=fields["timestamp"],
            observed_timestamp=fields["observed_timestamp"],
            severity_number=fields["severity_number"],
            severity_text=fields["severity_text"],
            body=normalise(fields["body"], budget),
            attributes={normalise_key(key): normalise(value, budget) for key, value in fields["attributes"].items()},
            event_name=fields["event_name"] or "",
            scope=Scope(scope_name(native)),
        )


def _core() -> Any:
    """Give what all of loguru's loggers share.

    Raises:
        ConfigError: It does not look as it has since 0.7.
    """
    core: Any = getattr(logger, "_core", None)
    if not isinstance(getattr(core, "handlers", None), dict) or not hasattr(core, "min_level"):
        from importlib.metadata import version  # noqa: PLC0415 - only to say what is not known

        raise ConfigError("sources", "loguru", f"loguru {version('loguru')} is not supported", "Install loguru 0.7")
    return core


def _cover_sinks_of_logging() -> Patch | None:
    """Have what loguru hands to a ``logging.Handler`` not captured a second time on its way through ``logging``."""
    sink = getattr(_simple_sinks, "StandardSink", None)
    if sink is None:
        return None
    return Patch(sink, "write", _over_write(sink.write))


def _over_write(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def write(sink: Any, message: Any) -> Any:
        with exporting():
            return original(sink, message)

    return write


def _level(setting: str, level: str | int) -> int:
    """Read a level: one of loguru's names, those that the application has added too, or any of ``logging``'s."""
    known = getattr(getattr(logger, "_core", None), "levels", {})
    if isinstance(level, str):
        for name in (level, level.strip().upper()):
            if name in known:
                return int(known[name].no)
    return stdlib_level(setting, level)
