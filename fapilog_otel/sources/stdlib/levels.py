"""Which records of ``logging`` are captured: the application's own levels, ours, and how the two meet."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from fapilog_otel.errors import ConfigError
from fapilog_otel.model.severity import DEBUG, FATAL, TRACE, parse_level

if TYPE_CHECKING:
    from collections.abc import Mapping

_ROOT_NAMES: Final = frozenset(("", "root"))

# fapilog registers these two above CRITICAL, where the severity numbers 22 and 23 alone would not lead back to them.
_FAPILOG_LEVELS: Final = {"AUDIT": 60, "SECURITY": 70}


class LevelCache(dict[Any, bool]):
    """A logger's ``_cache`` that forgets our verdicts together with the application's.

    ``setLevel``, ``disable`` and the configuration functions clear the cache after they have changed a level; a verdict
    found while that happens is stored in the mapping that was current before, which by then nobody reads.
    """

    __slots__ = ("ours",)

    def __init__(self, verdicts: Mapping[Any, bool]) -> None:
        super().__init__(verdicts)
        self.ours: dict[int, bool] = {}

    def clear(self) -> None:
        """Forget every verdict."""
        super().clear()
        self.ours = {}


def new_cache_class() -> type[LevelCache]:
    """Give a class of caches for one set of rules; verdicts of earlier rules are told by their class."""
    return type("LevelCache", (LevelCache,), {"__slots__": ()})


def level_cache(logger: logging.Logger, cache_class: type[LevelCache]) -> LevelCache:
    """Give a logger's cache of verdicts, which becomes one of this class if it is not yet."""
    fields: dict[str, Any] = logger.__dict__
    cache = fields["_cache"]
    if type(cache) is cache_class:
        return cache
    lock: Any = logging.__dict__["_lock"]
    with lock:  # nobody may clear the old cache while it is copied
        ours = fields["_cache"] = cache_class(fields["_cache"])
    return ours


def restore_cache(logger: logging.Logger) -> None:
    """Give a logger a plain, empty cache in place of ours."""
    fields: dict[str, Any] = logger.__dict__
    if isinstance(fields["_cache"], LevelCache):
        fields["_cache"] = {}


class LevelRules:
    """Decides whether a record is captured, and never what the application's handlers get.

    Args:
        level: Nothing below it is captured; loggers that inherit their level from the root are captured from it on.
            None: the application's own levels, and INFO where the root still stands at WARNING.
        levels: Logger name to level, for the logger and its children; the longest name wins, over ``level`` and over
            the application's levels. ``""`` and ``"root"`` name the root.

    Raises:
        ConfigError: A level is unknown.
    """

    def __init__(self, level: str | int | None = None, levels: Mapping[str, str | int] | None = None) -> None:
        self._level = None if level is None else stdlib_level("level", level)
        self._levels = {
            "" if name in _ROOT_NAMES else name: stdlib_level(f"levels[{name!r}]", value)
            for name, value in (levels or {}).items()
        }

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, LevelRules):
            return NotImplemented
        return self._level == other._level and self._levels == other._levels

    def __hash__(self) -> int:
        return hash((self._level, frozenset(self._levels.items())))

    def floor(self, name: str) -> int:
        """Give the stdlib level below which nothing of a logger is captured, whatever the application's levels say."""
        override = self._override(name)
        return (self._level or logging.NOTSET) if override is None else override

    def admits(self, logger: logging.Logger, level: int) -> bool:
        """Tell whether a record of this stdlib level is captured from a logger; ``logging.disable`` is obeyed."""
        return logger.manager.disable < level and level >= self._threshold(logger)

    def _threshold(self, logger: logging.Logger) -> int:
        override = self._override(logger.name)
        if override is not None:
            return override
        found, of_root = effective_level(logger)
        if not of_root:
            return found if self._level is None else max(found, self._level)
        if self._level is not None:
            return self._level
        return logging.INFO if found == logging.WARNING else found

    def _override(self, name: str) -> int | None:
        levels = self._levels
        if not levels:
            return None
        prefix = "" if name in _ROOT_NAMES else name
        while prefix not in levels:
            if not prefix:
                return None
            prefix = prefix.rpartition(".")[0]
        return levels[prefix]


def effective_level(logger: logging.Logger) -> tuple[int, bool]:
    """Give the level that holds for a logger, and whether it is the root's rather than one set below the root."""
    node: logging.Logger | None = logger
    while node is not None:
        if is_root(node):
            return node.level, True
        if node.level:
            break
        node = node.parent
    return (logging.NOTSET if node is None else node.level), False


def is_root(logger: logging.Logger) -> bool:
    """Tell whether a logger is a hierarchy's root; a bare ``Logger(...)`` has no parent either, but its own level."""
    return logger.parent is None and (isinstance(logger, logging.RootLogger) or logger is logger.manager.root)


def stdlib_level(setting: str, value: str | int) -> int:
    """Read a level as users write it into a number on the stdlib scale.

    Args:
        setting: Name for the error message.
        value: A stdlib number; or a name in any case, registered with ``logging`` or OTel's (``TRACE``, ``DEBUG2``).

    Raises:
        ConfigError: The name is unknown or the value is neither text nor a whole number.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if not isinstance(value, str):
        raise ConfigError(setting, value, "not a level", 'Use a name such as "INFO", or a number such as logging.INFO')
    name = value.strip().upper()
    for spelling in (value, name):
        registered = logging.getLevelName(spelling)
        if isinstance(registered, int):
            return registered
    try:
        return _FAPILOG_LEVELS.get(name) or (int(name) if name.isdigit() else _lowest_stdlib_level(parse_level(name)))
    except ValueError as error:
        raise ConfigError(setting, value, str(error), "Use one of these, or a number such as logging.INFO") from error


def _lowest_stdlib_level(severity: int) -> int:
    """Give the lowest stdlib level that maps to a severity number; the inverse of `severity_from_stdlib`."""
    if severity < TRACE:
        return logging.NOTSET
    if severity < DEBUG:
        return 1
    if severity >= FATAL:
        return logging.CRITICAL + severity - FATAL
    steps, rest = divmod(severity - DEBUG, 4)
    return logging.DEBUG + 10 * steps + rest
