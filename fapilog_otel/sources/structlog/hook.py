"""The hook in structlog's bound loggers: sees each event before its renderer, and changes nothing of it."""

from __future__ import annotations

import functools
import logging
import threading
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from structlog import DropEvent
from structlog._base import BoundLoggerBase  # no public name; see the tests, which run against every supported version

from fapilog_otel.sources.structlog.translate import Event, stdlib_level
from fapilog_otel.telemetry.origin import exporting

if TYPE_CHECKING:
    from collections.abc import Callable

_PROCESS: Final = "_process_event"
_PROXY: Final = "_proxy_to_logger"
_MAX_PLANS: Final = 256


class Hook:
    """Captures the events of every bound logger while it is installed.

    Args:
        capture: Called on the caller's thread with each event; an `Exception` out of it is contained and counted.
        handled: Gives whether a chain exports its events by itself.
    """

    def __init__(self, capture: Callable[[Event], None], handled: Callable[[Any], bool]) -> None:
        self.installed = False
        self.failed = 0
        self._capture = capture
        self._handled = handled
        self._busy = _Busy()
        self._plans: dict[int, _Plan] = {}
        self._before: dict[str, Any] = {}
        self._ours: dict[str, Any] = {}

    def install(self) -> None:
        """Hook the base class of all bound loggers."""
        before_process = self._before[_PROCESS] = getattr(BoundLoggerBase, _PROCESS)
        before_proxy = self._before[_PROXY] = getattr(BoundLoggerBase, _PROXY)

        def _process_event(self_: Any, method_name: str, event: Any, event_kw: dict[str, Any]) -> Any:
            if not self.installed:
                return before_process(self_, method_name, event, event_kw)
            plan = self._plan(self_._processors)  # noqa: SLF001 - as structlog allows read-only
            if plan.handled:
                return before_process(self_, method_name, event, event_kw)
            return self._process(plan, self_, method_name, event, event_kw)

        def _proxy_to_logger(self_: Any, method_name: str, event: Any = None, **event_kw: Any) -> Any:
            if not self.installed or not _hands_on(self_._logger.__class__):  # noqa: SLF001
                return before_proxy(self_, method_name, event, **event_kw)
            return self._hand_on(self_, method_name, event, event_kw)

        self._ours = {_PROCESS: _process_event, _PROXY: _proxy_to_logger}
        for name, function in self._ours.items():
            function.__doc__ = self._before[name].__doc__
            setattr(BoundLoggerBase, name, function)
        self.installed = True

    def uninstall(self) -> None:
        """Take the hook out; where somebody has hooked on top of it, it stays and does nothing."""
        self.installed = False
        for name, function in self._ours.items():
            if BoundLoggerBase.__dict__.get(name) is function:
                setattr(BoundLoggerBase, name, self._before[name])

    def _plan(self, processors: Any) -> _Plan:
        """Give what is known of a chain, which may have been changed in place."""
        plan = self._plans.get(id(processors))
        if plan is not None and plan.processors == processors:
            return plan
        if len(self._plans) >= _MAX_PLANS:
            self._plans.clear()
        copied = list(processors)
        plan = self._plans[id(processors)] = _Plan(
            copied if isinstance(processors, list) else processors,
            copied[:-1],
            copied[-1] if copied else _unchanged,
            self._handled(copied),
        )
        return plan

    def _process(self, plan: _Plan, bound: Any, method: str, event: Any, event_kw: dict[str, Any]) -> Any:
        """Run the chain as structlog does, with a look at what comes to its last processor, the renderer."""
        seen: Any = None

        def rendered(logger: Any, name: str, current: Any) -> Any:
            nonlocal seen
            seen = dict(current) if isinstance(current, dict) else {"event": current}
            return plan.last(logger, name, current)

        logger, context = bound._logger, bound._context  # noqa: SLF001
        try:
            result = self._before[_PROCESS](_Chain(logger, [*plan.first, rendered], context), method, event, event_kw)
        except DropEvent:
            raise
        except BaseException:
            if seen is not None:
                self._take(Event(logger, method, event, event_kw, context, seen))
            raise
        if seen is not None:
            self._take(Event(logger, method, event, event_kw, context, seen))
        return result

    def _take(self, event: Event) -> None:
        busy = self._busy
        if busy.now:
            return  # logged while another event was translated
        if isinstance(event.logger, logging.Logger) and not event.logger.isEnabledFor(stdlib_level(event.method)):
            return
        busy.now = True
        try:
            self._capture(event)
        except Exception:  # noqa: BLE001 - a log call never raises because of us
            self.failed += 1
        finally:
            busy.now = False

    def _hand_on(self, bound: Any, method: str, event: Any, event_kw: dict[str, Any]) -> Any:
        """Call the wrapped logger of another library, whose record is not to be captured a second time."""
        try:
            args, kw = bound._process_event(method, event, event_kw)  # noqa: SLF001
            with exporting():
                return getattr(bound._logger, method)(*args, **kw)  # noqa: SLF001
        except DropEvent:
            return None


class _Busy(threading.local):
    now = False


class _Plan(NamedTuple):
    """A chain as it was seen last.

    Args:
        processors: What it is compared with.
        first: All but the last.
        last: The renderer.
        handled: Whether it exports its events by itself.
    """

    processors: Any
    first: list[Any]
    last: Any
    handled: bool


class _Chain:
    """What structlog reads of a bound logger when it runs the chain."""

    __slots__ = ("_context", "_logger", "_processors")

    def __init__(self, logger: Any, processors: Any, context: Any) -> None:
        self._logger = logger
        self._processors = processors
        self._context = context


@functools.lru_cache(256)
def _hands_on(kind: type) -> bool:
    """Tell whether a wrapped logger is one of a library that may be captured too."""
    return issubclass(kind, logging.Logger) or kind.__module__.partition(".")[0] == "loguru"


def _unchanged(_: Any, __: str, event_dict: Any) -> Any:
    return event_dict


# structlog finds the caller by leaving out frames of modules whose name starts with its own. These frames stand between
# it and the caller, and what it prints must not change for them.
__name__ = "structlog._hooked_by_fapilog_otel"
