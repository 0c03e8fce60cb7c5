"""The short way of a log call: from the level check to the encoder, where nobody else needs the record.

The native functions that go it are in ``sources._stdlib_native``; without them every call goes the ordinary way.
"""

from __future__ import annotations

import functools
import logging
from typing import TYPE_CHECKING, Any, Final

from fapilog_otel.encode.select import NATIVE, LoggerBase
from fapilog_otel.sources.stdlib.patch import Patch, is_of_logging
from fapilog_otel.sources.stdlib.translate import RESERVED, severity

if TYPE_CHECKING:
    from collections.abc import Callable

    from fapilog_otel.sources._stdlib_native import FastPath
    from fapilog_otel.sources.stdlib.hook import Hook

_USED: Final = ("_log", "handle", "findCaller", "getEffectiveLevel")


@functools.cache
def level_methods() -> list[tuple[str, Any, Any]]:
    """Give name, native method and logging's own of each level method; empty where they were not built."""
    if not NATIVE:
        return []
    try:
        from fapilog_otel.sources import _stdlib_native  # noqa: PLC0415 - compiled only where there is a compiler
    except ImportError:
        return []
    return _stdlib_native.level_methods()


class Shortcut:
    """Log calls that go the short way while it is installed.

    Args:
        hook: The installed hook, whose verdicts about levels are used.
        target: Logger name to the logger that takes its records and the lowest stdlib level that is captured.
        code_attributes: Whether records tell file, line and function of the log call.
    """

    def __init__(self, hook: Hook, target: Callable[[str], tuple[object, int]], *, code_attributes: bool) -> None:
        self._patches: list[Patch] = []
        self._path: FastPath | None = None
        methods = level_methods()
        if not methods or not hook.covers_logging_alone or not _is_as_made():
            return
        from fapilog_otel.sources._stdlib_native import FastPath  # noqa: PLC0415 - as above

        self._path = FastPath(
            functools.partial(_ours, target),
            severity,
            hook.marks_holder,
            hook.cache_class,
            RESERVED,
            LoggerBase.write,
            hook.fail,
            code_attributes=code_attributes,
        )
        self._path.install()
        for name, method, original in methods:
            if logging.Logger.__dict__.get(name) is method:  # put back by somebody who had covered it meanwhile
                setattr(logging.Logger, name, original)
            if logging.Logger.__dict__.get(name) is original and is_of_logging(original):
                self._patches.append(Patch(logging.Logger, name, method))

    @property
    def active(self) -> bool:
        """Whether log calls can go the short way at all."""
        return bool(self._patches)

    def uninstall(self) -> None:
        """Put logging's own methods back."""
        if self._path is not None:
            self._path.uninstall()
        while self._patches:
            self._patches.pop().undo()


def _ours(target: Callable[[str], tuple[object, int]], name: str) -> tuple[object, int]:
    logger, floor = target(name)
    ours = isinstance(logger, LoggerBase) and type(logger).write is LoggerBase.write
    return (logger if ours else None), floor


def _is_as_made() -> bool:
    """Tell whether nobody has changed what makes and passes on records."""
    functions = [getattr(logging.Logger, name) for name in _USED]
    functions += [logging.LogRecord.__init__, logging.LogRecord.getMessage, logging.NullHandler.handle]
    return all(is_of_logging(function) for function in functions)
