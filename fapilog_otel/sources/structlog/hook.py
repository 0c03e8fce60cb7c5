"""The hook in structlog's bound loggers: sees each event before its renderer, and changes nothing of it."""

from __future__ import annotations

import functools
import logging
import operator
import threading
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from structlog import DropEvent
from structlog._base import BoundLoggerBase  # no public name; see the tests, which run against every supported version

from fapilog_otel.sources.structlog.compiled import compiled_hook
from fapilog_otel.sources.structlog.stock import beside_ours
from fapilog_otel.sources.structlog.translate import Event, stdlib_level
from fapilog_otel.telemetry.origin import exporting

if TYPE_CHECKING:
    from collections.abc import Callable

    from fapilog_otel.sources._structlog_native import Functions

_PROCESS: Final = "_process_event"
_PROXY: Final = "_proxy_to_logger"
_MAX_PLANS: Final = 256
_KNOWN: Final = (  # the names in structlog's two functions, of which all versions since 24.1 have the same
    {"_context", "copy", "update", "_processors", "_logger", "isinstance", "str", "bytes", "bytearray", "tuple", "dict",
     "ValueError"},
    {"_process_event", "getattr", "_logger", "DropEvent"},
)  # fmt: skip


class Hook:
    """Captures the events of every bound logger while it is installed.

    Args:
        capture: Called on the caller's thread with each event; an `Exception` out of it is contained and counted.
        handled: Gives whether a chain exports its events by itself.
        target: Scope name to our own logger, or None where it is another's, and its lowest severity number: what the
            compiled functions write to. None: every event goes to ``capture``.
    """

    def __init__(
        self,
        capture: Callable[[Event], None],
        handled: Callable[[Any], bool],
        target: Callable[[str], tuple[object, int]] | None = None,
    ) -> None:
        self.installed = False
        self._failed = 0
        self._capture = capture
        self._handled = handled
        self._target = target
        self._busy = _Busy()
        self._plans: dict[int, _Plan] = {}
        self._before: dict[str, Any] = {}
        self._ours: dict[str, Any] = {}
        self._compiled: Functions | None = None

    @property
    def failed(self) -> int:
        """Events that an unforeseen error kept from being captured."""
        return self._failed + (self._compiled.failed if self._compiled is not None else 0)

    def install(self) -> None:
        """Hook the base class of all bound loggers."""
        self._before = {name: getattr(BoundLoggerBase, name) for name in (_PROCESS, _PROXY)}
        if self._target is not None and all(map(_is_structlogs, self._before.values())):
            self._compiled = compiled_hook(
                plan=self._plan,
                plans=self._plans,
                capture=lambda *event: self._take(Event(*event)),
                target=self._target_unless_busy,
                hands_on=_hands_on,
                hand_on=self._hand_on,
            )
        self._ours = self._functions() if self._compiled is None else self._compiled_functions(self._compiled)
        for name, function in self._ours.items():
            functools.update_wrapper(function, self._before[name], ("__doc__",), ())
            setattr(BoundLoggerBase, name, function)
        self._switch(installed=True)

    def uninstall(self) -> None:
        """Take the hook out; where somebody has hooked on top of it, it stays and does nothing."""
        self._switch(installed=False)
        for name, function in self._ours.items():
            if BoundLoggerBase.__dict__.get(name) is function:
                setattr(BoundLoggerBase, name, self._before[name])

    def _switch(self, *, installed: bool) -> None:
        self.installed = installed
        if self._compiled is not None:
            self._compiled.installed = installed

    def _compiled_functions(self, compiled: Functions) -> dict[str, Any]:
        process = self._before[_PROCESS]
        return {
            _PROCESS: compiled.over_process_event(process),
            _PROXY: compiled.over_proxy_to_logger(self._before[_PROXY], process),
        }

    def _functions(self) -> dict[str, Any]:
        before_process, before_proxy = self._before[_PROCESS], self._before[_PROXY]

        hook = self

        def _process_event(self: Any, method_name: str, event: Any, event_kw: Any) -> Any:
            if not hook.installed:
                return before_process(self, method_name, event, event_kw)
            plan = hook._plan(self._processors)
            if plan.handled:
                return before_process(self, method_name, event, event_kw)
            return hook._process(plan, self, method_name, event, event_kw)

        def _proxy_to_logger(self: Any, method_name: str, event: Any = None, **event_kw: Any) -> Any:
            if not hook.installed or not _hands_on(self._logger.__class__):
                return before_proxy(self, method_name, event, **event_kw)
            return hook._hand_on(self, method_name, event, event_kw)

        return {_PROCESS: _process_event, _PROXY: _proxy_to_logger}

    def _plan(self, processors: Any) -> _Plan:
        """Give what is known of a chain, which may have been changed in place."""
        plan = self._plans.get(id(processors))
        if plan is not None and _are_the_same(plan.processors, processors):
            return plan
        if len(self._plans) >= _MAX_PLANS:
            self._plans.clear()
        copied = list(processors)
        called = [beside_ours(processor) for processor in copied]
        plan = self._plans[id(processors)] = _Plan(
            copied,
            called[:-1],
            called[-1] if called else _unchanged,
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
        result: Any = None
        failure: BaseException | None = None
        try:
            result = self._before[_PROCESS](_Chain(logger, [*plan.first, rendered], context), method, event, event_kw)
        except DropEvent:
            raise
        except BaseException as error:  # noqa: BLE001 - raised again, once it is no longer what an event may ask for
            failure = error
        if seen is not None:
            self._take(Event(logger, method, event, event_kw, context, seen))
        if failure is not None:
            raise failure
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
            self._failed += 1
        finally:
            busy.now = False

    def _target_unless_busy(self, name: str) -> tuple[object, int] | None:
        """Ask for a scope's logger, as `_take` asks for what it needs."""
        busy = self._busy
        if busy.now or self._target is None:
            return None
        busy.now = True
        try:
            return self._target(name)
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

    processors: list[Any]
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


def _is_structlogs(function: Any) -> bool:
    """Tell whether a function is structlog's own, and does what the compiled one does in its place."""
    code = getattr(function, "__code__", None)
    return function.__module__ == "structlog._base" and code is not None and set(code.co_names) in _KNOWN


@functools.lru_cache(256)
def _hands_on(kind: type) -> bool:
    """Tell whether a wrapped logger is one of a library that may be captured too."""
    return issubclass(kind, logging.Logger) or str(kind.__module__).partition(".")[0] == "loguru"


def _are_the_same(known: list[Any], processors: Any) -> bool:
    """Tell whether a chain has these very processors."""
    now = processors if isinstance(processors, list) else list(processors)
    return len(now) == len(known) and all(map(operator.is_, now, known))


def _unchanged(_: Any, __: str, event_dict: Any) -> Any:
    return event_dict


# structlog finds the caller by leaving out frames of modules whose name starts with its own. These frames stand between
# it and the caller, and what it prints must not change for them.
__name__ = "structlog._hooked_by_fapilog_otel"
