"""The functions put over ``logging.Logger``'s, and the state they share.

::

    isEnabledFor(level)   the original says no, our rules say yes ─► mark (logger, level) in this thread ─► True
    makeRecord(…)         marked, and the original raises ─► a plain record: without us there would have been no call
    filter(record)        the original lets it pass ─► capture ─► marked, and the logger's own levels still refuse it?
                            yes: stop here, nobody else learns of it          no: on to callHandlers
    callHandlers(record)  not captured by filter (called directly, or by a handle() of another's) ─► capture ─► original

No root handler could do this: it would keep ``basicConfig`` and ``lastResort`` from working, miss loggers with
``propagate=False``, and ``dictConfig`` would remove it. And none of our frames is on the stack while handlers run, so
what ``logging`` prints of a handler that fails is what it would print without us.
"""

from __future__ import annotations

import functools
import logging
import sys
import threading
from contextlib import suppress
from types import MethodType
from typing import TYPE_CHECKING, Any, Final

from fapilog_otel.sources.stdlib.levels import level_cache, new_cache_class, restore_cache
from fapilog_otel.sources.stdlib.patch import Patch, as_part_of_logging, is_of_logging
from fapilog_otel.telemetry.diagnostics import get_diagnostics
from fapilog_otel.telemetry.origin import is_internal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fapilog_otel.sources._stdlib_native import HookFunctions, RecordPath, Running
    from fapilog_otel.sources.stdlib.levels import LevelRules

MAX_DEPTH: Final = 3
"""How deep logs made while a record is translated are followed (a ``__str__`` that logs itself would never end)."""

MAX_NESTED: Final = 32
"""How many such logs the application's handlers get for one outer record; they format them, which may log again."""

_MAX_MARKS: Final = 32
_COVERED: Final = ("isEnabledFor", "makeRecord", "filter", "callHandlers", "findCaller")


class _ThreadState(threading.local):
    """What the hook knows of the running thread.

    ``marks`` holds the (logger, level) pairs whose check was passed because of us and whose record has not come yet,
    the oldest first. ``captured_for`` is the logger whose record filter has captured and callHandlers will get next.
    ``depth`` counts the records being translated, one inside the other, and ``nested`` the logs made meanwhile; the
    compiled functions keep both in ``running``.
    """

    captured_for: object = None
    depth = 0
    nested = 0
    running: Running | None = None

    def __init__(self) -> None:
        self.marks: dict[tuple[int, int], None] = {}


class Hook:
    """Hands every record of ``logging`` to a receiver while it is installed.

    Args:
        receiver: Called on the caller's thread with each record, before the application's handlers.
        rules: What is captured beyond the application's own levels.
        path: The compiled way of records to the provider; None: the receiver gets them all.
    """

    def __init__(
        self, receiver: Callable[[logging.LogRecord], None], rules: LevelRules, path: RecordPath | None = None
    ) -> None:
        self.dropped = 0
        self.failed = 0
        self.installed = False
        self._receiver = receiver
        self._rules = rules
        self._cache_class = new_cache_class()
        self._thread = _ThreadState()
        self._is_enabled_for = logging.Logger.isEnabledFor
        self.covers_logging_alone = False
        self._path = path
        self._functions: HookFunctions | None = None
        self._patches: list[Patch] = []

    def install(self) -> None:
        """Put the hook over ``logging.Logger``."""
        self._is_enabled_for = logging.Logger.isEnabledFor
        self.installed = True
        self.covers_logging_alone = all(is_of_logging(getattr(logging.Logger, name)) for name in _COVERED)
        over = self._compiled() or {
            "isEnabledFor": self._over_is_enabled_for,
            "makeRecord": self._over_make_record,
            "filter": self._over_filter,
            "callHandlers": self._over_call_handlers,
        }
        for name, cover in over.items():
            self._patches.append(Patch(logging.Logger, name, cover(getattr(logging.Logger, name))))

    def _compiled(self) -> dict[str, Callable[[Any], Any]] | None:
        """Give the compiled functions by the name of what they cover, or None without them."""
        if self._path is None:
            return None
        from fapilog_otel.sources.stdlib.compiled import covers  # noqa: PLC0415 - loads the compiled functions

        self._path.connect(self, self._cache_class)
        self._functions, over = covers(self, self._path, self._receiver, self._thread)
        return over

    def uninstall(self) -> None:
        """Put everything back; a function that somebody has put over ours stays, and ours under it falls silent."""
        self.installed = False
        if self._functions is not None:
            self._functions.installed = False
        while self._patches:
            self._patches.pop().undo()
        manager = logging.Logger.manager
        for logger in (manager.root, *list(manager.loggerDict.values())):
            if isinstance(logger, logging.Logger):
                restore_cache(logger)

    # -- the level check -----------------------------------------------------------------------------------------------

    def _over_is_enabled_for(self, original: Callable[..., Any]) -> Any:
        # Another's function under ours may decide anew each time; logging's own keeps to the cache, as ours does.
        remember = self._cache_class if is_of_logging(original) else None

        @functools.wraps(original)
        def isEnabledFor(logger: logging.Logger, level: int) -> Any:  # noqa: N802 - the name of what it stands for
            cache = logger._cache  # type: ignore[attr-defined]  # noqa: SLF001 - the caller is logging itself
            if type(cache) is remember and cache.ours.get(level) is False:
                return False
            return original(logger, level) or self.admits(logger, level)

        return as_part_of_logging(isEnabledFor)

    def admits(self, logger: logging.Logger, level: int) -> bool:
        """Tell whether a record that the logger's own levels refuse is captured, and mark it as ours alone if it is."""
        if not self.installed or logger.disabled or is_internal():
            return False
        verdicts = level_cache(logger, self._cache_class).ours
        verdict = verdicts.get(level)
        if verdict is None:
            verdict = verdicts[level] = self._rules.admits(logger, level)
        if verdict:
            self._mark(id(logger), level)
        return verdict

    def _mark(self, logger_id: int, level: int) -> None:
        if self._functions is not None:
            self._functions.marked = True
        marks = self._thread.marks
        marks.pop((logger_id, level), None)
        marks[logger_id, level] = None
        if len(marks) > _MAX_MARKS:  # checks that no record followed
            with suppress(RuntimeError, StopIteration):  # a signal handler that logs may have changed it meanwhile
                marks.pop(next(iter(marks)), None)

    def forget(self, logger_id: int, level: int) -> None:
        """Take back the mark of a check whose record is captured already."""
        self._thread.marks.pop((logger_id, level), None)

    def _is_ours_alone(self, logger: logging.Logger, level: object) -> bool:
        """Tell whether a record of this level passed the logger's check only because of us.

        A record that came without a check (``Logger.handle`` of one received from elsewhere) has no mark, and goes to
        the handlers as it would without us.
        """
        if not isinstance(level, int) or (id(logger), level) not in self._thread.marks:
            return False
        return not self._is_enabled_for(logger, level)

    # -- making the record ---------------------------------------------------------------------------------------------

    def _over_make_record(self, original: Callable[..., Any]) -> Any:
        thread = self._thread

        @functools.wraps(original)
        def makeRecord(logger: logging.Logger, *args: Any, **kwargs: Any) -> Any:  # noqa: N802 - as above
            if not thread.marks:
                return original(logger, *args, **kwargs)
            return self.make_record(original, logger, args, kwargs)

        return as_part_of_logging(makeRecord)

    def make_record(
        self, original: Callable[..., Any], logger: logging.Logger, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Give the record that the original makes, or a plain one where it raises and only we wanted the record."""
        try:
            return original(logger, *args, **kwargs)
        except Exception:
            if len(args) < 7 or not self._is_ours_alone(logger, args[1]):
                raise
            return plain_record(*args, **kwargs)

    # -- the dispatch --------------------------------------------------------------------------------------------------

    def _over_filter(self, original: Callable[..., Any]) -> Any:
        thread = self._thread

        @functools.wraps(original)
        def filter(logger: logging.Logger, record: Any) -> Any:  # noqa: A001 - as above
            passed = original(logger, record)
            if not passed or not self.installed or sys._getframe(1).f_code.co_name != "handle":  # noqa: SLF001
                return passed
            if not self._take(logger, passed if isinstance(passed, logging.LogRecord) else record):
                return False
            thread.captured_for = logger
            return passed

        return as_part_of_logging(filter)

    def _over_call_handlers(self, original: Callable[..., Any]) -> Any:
        thread = self._thread

        @functools.wraps(original)
        def callHandlers(logger: logging.Logger, record: Any) -> None:  # noqa: N802 - as above
            captured = thread.captured_for is logger
            thread.captured_for = None
            if captured or not self.installed or self._take(logger, record):
                original(logger, record)

        return _Dispatch(thread, original, as_part_of_logging(callHandlers))

    def _take(self, logger: logging.Logger, record: logging.LogRecord) -> bool:
        """Capture a record, and tell whether the application's handlers are to get it."""
        is_ours_alone = self.claim(logger, record)
        return self._capture(record) and not is_ours_alone

    def claim(self, logger: logging.Logger, record: logging.LogRecord) -> bool:
        """Tell whether a record passed the logger's check only because of us, and take back the mark that says so."""
        marks = self._thread.marks
        if not marks:
            return False
        level: Any = getattr(record, "levelno", None)
        if not self._is_ours_alone(logger, level):
            return False
        marks.pop((id(logger), level), None)  # a signal handler that logs may have taken it meanwhile
        return True

    def _capture(self, record: logging.LogRecord) -> bool:
        """Hand a record to the receiver, and tell whether it may lead to more logs."""
        thread = self._thread
        depth = thread.depth
        if is_internal():
            return True
        if depth:
            thread.nested += 1
        if depth >= MAX_DEPTH or thread.nested > MAX_NESTED:
            self.dropped += 1
            return thread.nested <= MAX_NESTED
        try:
            thread.depth = depth + 1
            self._receiver(record)
        except Exception as error:  # noqa: BLE001 - the promise of a log call: counted and told, never raised
            self.fail(error)
        finally:
            thread.depth = depth
            if not depth:
                thread.nested = 0
        return True

    def fail(self, error: Exception) -> None:
        """Count a record that an unforeseen error kept from being captured."""
        self.failed += 1
        get_diagnostics().note("stdlib.failed", "a log record was not captured", error=type(error).__name__)


class _Dispatch:
    """``Logger.callHandlers``: the original itself for a record that filter has captured, else the function over it."""

    __slots__ = ("_function", "_original", "_thread")

    def __init__(self, thread: _ThreadState, original: Callable[..., Any], function: Callable[..., Any]) -> None:
        self._thread = thread
        self._original = original
        self._function = function

    def __get__(self, logger: logging.Logger | None, owner: type | None = None) -> Callable[..., Any]:
        if logger is None:
            return self._function
        if self._thread.captured_for is logger:
            self._thread.captured_for = None
            return MethodType(self._original, logger)
        return MethodType(self._function, logger)


def plain_record(
    name: str,
    level: int,
    path: str,
    line: int,
    message: object,
    args: Any,
    exc_info: Any,
    function: str | None = None,
    extra: object = None,
    stack: str | None = None,
) -> logging.LogRecord:
    """Give the record of a call that ``Logger.makeRecord`` refuses, such as one whose ``extra`` has a key ``message``.

    Args:
        name: The logger's name.
        level: stdlib level.
        path: File of the call.
        line: Line of the call.
        message: Message or format.
        args: Arguments of the format.
        exc_info: ``sys.exc_info()`` triple, or None.
        function: Function of the call.
        extra: Put on the record; a key that is taken becomes ``extra.<key>``.
        stack: The text of ``stack_info``.
    """
    record = logging.LogRecord(name, level, path, line, message, args, exc_info, function, stack)
    taken = {*record.__dict__, "message", "asctime"}
    items: Mapping[Any, Any] = extra if isinstance(extra, dict) else {"extra": extra} if extra else {}
    record.__dict__.update({f"extra.{key}" if key in taken else key: value for key, value in items.items()})
    return record
