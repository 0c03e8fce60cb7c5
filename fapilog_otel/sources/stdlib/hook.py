"""The two functions put over ``logging.Logger``'s, and the state they share.

::

    isEnabledFor(level) ─► original says yes ─► True
                           original says no  ─► rules say yes ─► mark (logger, level) in this thread ─► True
    callHandlers(record) ─► receive(record) ─► marked, and the logger's own levels still refuse it? ─► stop
                                               else ─► original ─► the application's handlers

No root handler could do this: it would keep ``basicConfig`` and ``lastResort`` from working, miss loggers with
``propagate=False``, and ``dictConfig`` would remove it.
"""

from __future__ import annotations

import functools
import logging
import threading
import weakref
from typing import TYPE_CHECKING, Any, Final, TypeVar

from fapilog_otel.sources.stdlib.levels import LevelCache, level_cache, restore_cache
from fapilog_otel.telemetry.diagnostics import get_diagnostics
from fapilog_otel.telemetry.origin import is_internal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeAlias

    from fapilog_otel.sources.stdlib.levels import LevelRules

MAX_NESTING: Final = 3
"""How deep logs made while a record is translated are followed (a ``__str__`` that logs itself would never end)."""

_MAX_MARKS: Final = 32
_LOGGING_FILE: Final = logging.addLevelName.__code__.co_filename

_IsEnabledFor: TypeAlias = "Callable[[logging.Logger, int], bool]"
_CallHandlers: TypeAlias = "Callable[[logging.Logger, logging.LogRecord], None]"
_F = TypeVar("_F", bound="Callable[..., Any]")


class _ThreadState(threading.local):
    """What the hook knows of the running thread.

    ``marks`` holds the (logger, level) pairs whose check was passed because of us and whose record has not come yet,
    the oldest first. ``depth`` counts the records being translated, one inside the other, and ``nested_dispatches``
    the application's handlers at work on logs made meanwhile. ``dispatched`` is the record that handlers have now.
    """

    depth = 0
    nested_dispatches = 0
    dispatched: object = None

    def __init__(self) -> None:
        self.marks: dict[tuple[int, int], None] = {}


class Hook:
    """Hands every record of ``logging`` to a receiver while it is installed.

    Args:
        receiver: Called on the caller's thread with each record, before the application's handlers.
        rules: What is captured beyond the application's own levels.
    """

    def __init__(self, receiver: Callable[[logging.LogRecord], None], rules: LevelRules) -> None:
        self.dropped = 0
        self.failed = 0
        self.installed = False
        self._receiver = receiver
        self._rules = rules
        self._thread = _ThreadState()
        self._is_enabled_for: _IsEnabledFor = logging.Logger.isEnabledFor
        self._patches: list[_Patch] = []

    def install(self) -> None:
        """Put the hook over ``logging.Logger`` and the subclasses that dispatch records by themselves."""
        self._is_enabled_for = logging.Logger.isEnabledFor
        self.installed = True
        self._patch(logging.Logger, "isEnabledFor", self._over_is_enabled_for(logging.Logger.isEnabledFor))
        self._patch(logging.Logger, "callHandlers", self._over_call_handlers(logging.Logger.callHandlers))
        self._patch(logging.Logger, "__init_subclass__", self._over_init_subclass())
        for subclass in list(_subclasses(logging.Logger)):
            self._adopt_class(subclass)

    def uninstall(self) -> None:
        """Put everything back; a function that somebody has put over ours stays, and ours under it falls silent."""
        self.installed = False
        while self._patches:
            self._patches.pop().undo()
        manager = logging.Logger.manager
        for logger in (manager.root, *list(manager.loggerDict.values())):
            if isinstance(logger, logging.Logger):
                restore_cache(logger)

    # -- the level check -----------------------------------------------------------------------------------------------

    def _over_is_enabled_for(self, original: _IsEnabledFor) -> _IsEnabledFor:
        # Another's function under ours may decide anew each time; logging's own keeps to the cache, as ours does.
        remember = LevelCache if _is_of_logging(original) else None

        @functools.wraps(original)
        def isEnabledFor(logger: logging.Logger, level: int) -> bool:  # noqa: N802 - the name of what it stands for
            cache = logger._cache  # type: ignore[attr-defined]  # noqa: SLF001 - the caller is logging itself
            if type(cache) is remember and cache.ours.get(level) is False:
                return False
            return original(logger, level) or self._admits(logger, level)

        return _as_part_of_logging(isEnabledFor)

    def _admits(self, logger: logging.Logger, level: int) -> bool:
        """Tell whether a record that the logger's own levels refuse is captured, and mark it as ours alone if it is."""
        if not self.installed or logger.disabled:
            return False
        verdicts = level_cache(logger).ours
        verdict = verdicts.get(level)
        if verdict is None:
            verdict = verdicts[level] = self._rules.admits(logger, level)
        if not verdict or is_internal():
            return False
        self._mark(id(logger), level)
        return True

    def _mark(self, logger_id: int, level: int) -> None:
        marks = self._thread.marks
        marks.pop((logger_id, level), None)
        marks[logger_id, level] = None
        if len(marks) > _MAX_MARKS:  # checks that no record followed
            del marks[next(iter(marks))]

    def _is_ours_alone(self, logger: logging.Logger, record: logging.LogRecord) -> bool:
        """Tell whether a record passed the level check only because of us.

        A record that came without a check (``Logger.handle`` of one received from elsewhere) has no mark, and goes to
        the handlers as it would without us.
        """
        marks = self._thread.marks
        if not marks:
            return False
        level = getattr(record, "levelno", None)
        if not isinstance(level, int) or (id(logger), level) not in marks:
            return False
        del marks[id(logger), level]
        return not self._is_enabled_for(logger, level)

    # -- the dispatch --------------------------------------------------------------------------------------------------

    def _over_call_handlers(self, original: _CallHandlers) -> _CallHandlers:
        thread = self._thread

        @functools.wraps(original)
        def callHandlers(logger: logging.Logger, record: logging.LogRecord) -> None:  # noqa: N802 - as above
            outer = thread.dispatched
            if not self.installed or outer is record:  # an override that calls the base class's function
                original(logger, record)
            elif self._receive(logger, record):
                nested = thread.depth > 0
                thread.dispatched = record
                thread.nested_dispatches += nested
                try:
                    original(logger, record)
                finally:
                    thread.nested_dispatches -= nested
                    thread.dispatched = outer

        return _as_part_of_logging(callHandlers)

    def _receive(self, logger: logging.Logger, record: logging.LogRecord) -> bool:
        """Capture a record, and tell whether the application's handlers are to get it."""
        ours_alone = self._is_ours_alone(logger, record)
        if not is_internal():
            self._capture(record)
        return not ours_alone and self._thread.nested_dispatches < MAX_NESTING

    def _capture(self, record: logging.LogRecord) -> None:
        thread = self._thread
        depth = thread.depth
        if depth >= MAX_NESTING:
            self.dropped += 1
            return
        thread.depth = depth + 1
        try:
            self._receiver(record)
        except Exception as error:  # noqa: BLE001 - the promise of a log call: counted and told, never raised
            self.failed += 1
            get_diagnostics().note("stdlib.failed", "a log record could not be captured", error=type(error).__name__)
        finally:
            thread.depth = depth

    # -- subclasses ----------------------------------------------------------------------------------------------------

    def _over_init_subclass(self) -> Any:
        def __init_subclass__(cls: Any, /, **kwargs: Any) -> None:  # noqa: N807 - installed under this name
            super(logging.Logger, cls).__init_subclass__(**kwargs)  # type: ignore[misc]
            if self.installed:
                self._adopt_class(cls)

        return classmethod(__init_subclass__)

    def _adopt_class(self, subclass: type[logging.Logger]) -> None:
        """Hook a subclass that dispatches records by itself; a level check of its own is the application's word."""
        own: Any = subclass.__dict__.get("callHandlers")
        if own is not None:
            self._patch(subclass, "callHandlers", self._over_call_handlers(own))

    def _patch(self, owner: type, name: str, value: object) -> None:
        self._patches.append(_Patch(owner, name, value))


_ABSENT: Final = object()


class _Patch:
    """A class attribute that was replaced, and what stood there before."""

    __slots__ = ("_before", "_name", "_owner", "_value")

    def __init__(self, owner: type, name: str, value: object) -> None:
        self._owner = weakref.ref(owner)
        self._name = name
        self._value = value
        self._before = owner.__dict__.get(name, _ABSENT)
        setattr(owner, name, value)

    def undo(self) -> None:
        owner = self._owner()
        if owner is None or owner.__dict__.get(self._name) is not self._value:
            return
        if self._before is _ABSENT:
            delattr(owner, self._name)
        else:
            setattr(owner, self._name, self._before)


def _subclasses(owner: type[logging.Logger]) -> Iterator[type[logging.Logger]]:
    for subclass in owner.__subclasses__():
        yield subclass
        yield from _subclasses(subclass)


def _is_of_logging(function: Callable[..., object]) -> bool:
    """Tell whether a function is logging's own and nobody's that was put over it."""
    code = getattr(function, "__code__", None)
    return getattr(code, "co_filename", None) == _LOGGING_FILE and not hasattr(function, "__wrapped__")


def _as_part_of_logging(function: _F) -> _F:
    """Give the function with its frames counted as logging's own.

    ``logging`` tells its frames from the application's by file name: for ``stacklevel``, and for the call stack that it
    prints when a handler fails, which would otherwise end at our function instead of the caller's line.
    """
    any_function: Any = function
    any_function.__code__ = any_function.__code__.replace(co_filename=_LOGGING_FILE)
    return function
