"""The compiled way of plain records, where it was built and the native encoder is in use."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

from fapilog_otel.encode.select import NATIVE, own_logger
from fapilog_otel.sources.forwarded import TO_CALLER, comes_from_logging
from fapilog_otel.sources.loguru.translate import SPECIAL, Selection, severity_of_level

if TYPE_CHECKING:
    from collections.abc import Callable

    from fapilog_otel.sources._loguru_native import PlainRecords

MAX_TARGETS: Final = 4096


def plain_records(target: Callable[[str], tuple[object, float | None]], selection: Selection) -> PlainRecords | None:
    """Give the compiled way, or None: all records then run through the Python of this package.

    Args:
        target: Scope name to the logger that takes its records, and the lowest level or None.
        selection: The attributes that records get.
    """
    if not NATIVE or selection.thread:
        return None
    try:
        from fapilog_otel.sources._loguru_native import PlainRecords  # noqa: PLC0415 - compiled where it can be
    except ImportError:
        return None
    targets: dict[str, tuple[object, float | None]] = {}

    def remember(name: str) -> tuple[object, float | None]:
        if len(targets) >= MAX_TARGETS:
            targets.clear()
        logger, floor = target(name)
        found = targets[name] = own_logger(logger), floor
        return found

    made: PlainRecords = PlainRecords(
        target=remember,
        targets=targets,
        severity=severity_of_level,
        special=SPECIAL,
        passed_on=functools.partial(comes_from_logging, frames=TO_CALLER - 1),
        code_attributes=selection.code,
    )
    return made
