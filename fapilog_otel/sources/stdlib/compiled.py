"""The compiled functions of ``sources._stdlib_native``, where they were built and the native encoder is in use."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from fapilog_otel.encode.select import NATIVE, LoggerBase, own_logger
from fapilog_otel.sources.stdlib.patch import is_of_logging
from fapilog_otel.sources.stdlib.translate import RESERVED, severity

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from fapilog_otel.sources._stdlib_native import HookFunctions, RecordPath
    from fapilog_otel.sources.stdlib.hook import Hook
    from fapilog_otel.sources.stdlib.translate import Selection


@functools.cache
def compiled_functions() -> ModuleType | None:
    """Give the module, or None: log calls then run the Python of this package."""
    if not NATIVE:
        return None
    try:
        from fapilog_otel.sources import _stdlib_native  # noqa: PLC0415 - compiled only where there is a compiler
    except ImportError:
        return None
    return _stdlib_native


def record_path(target: Callable[[str], tuple[object, int]], selection: Selection) -> RecordPath | None:
    """Give the compiled way of records to a provider, or None.

    Args:
        target: Logger name to the logger that takes its records, or None, and the lowest stdlib level captured.
        selection: The attributes that records get.
    """
    module = compiled_functions()
    if module is None:
        return None
    path: RecordPath = module.RecordPath(
        functools.partial(_ours, target),
        severity,
        RESERVED,
        LoggerBase.write,
        LoggerBase.emit,
        code_attributes=selection.code,
        thread_attributes=selection.thread,
    )
    return path


def _ours(target: Callable[[str], tuple[object, int]], name: str) -> tuple[object, int]:
    """Give only a logger of our own making: the functions of others are called as the API says."""
    logger, floor = target(name)
    return own_logger(logger), floor


def covers(
    hook: Hook, path: RecordPath, receiver: Callable[[Any], None], thread: object
) -> tuple[HookFunctions, dict[str, Callable[[Any], Any]]]:
    """Give the compiled functions of a hook, and by name how each is put over an original."""
    module: Any = compiled_functions()
    functions: HookFunctions = module.HookFunctions(hook, path, receiver, thread)

    def named(original: Callable[..., Any], function: Any) -> Any:
        return functools.update_wrapper(function, original)

    def dispatch(original: Callable[..., Any]) -> object:
        return module.Dispatch(original, named(original, functions.over_call_handlers(original)))

    def maker(original: Callable[..., Any]) -> object:
        return module.Maker(
            functions, original, named(original, functions.over_make_record(original)), is_of_logging(original)
        )

    return functions, {
        "isEnabledFor": lambda it: named(it, functions.over_is_enabled_for(it, is_of_logging(it))),
        "makeRecord": maker,
        "filter": lambda it: named(it, functions.over_filter(it, is_of_logging(it))),
        "callHandlers": dispatch,
        "findCaller": lambda it: named(it, functions.over_find_caller(it)) if is_of_logging(it) else it,
    }
