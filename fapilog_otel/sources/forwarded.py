"""Tells a message that a handler of ``logging`` passes on to loguru from one that was logged with loguru.

With both sources installed the stdlib source has captured the record before any handler got it; what an
``InterceptHandler`` makes of it is the same event once more.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import CodeType, FrameType

_HANDLE: Final[CodeType] = logging.Handler.handle.__code__
TO_CALLER: Final = 6
"""Frames up to loguru's caller: comes_from_logging, _take, take, Tap.emit, loguru's _log and its level method."""
_SEARCHED: Final = 10


def stdlib_is_captured() -> bool:
    """Tell whether the stdlib source is installed."""
    source = sys.modules.get("fapilog_otel.sources.stdlib.source")
    return source is not None and bool(source._installed)  # noqa: SLF001 - a list that is only read


def comes_from_logging(record: Mapping[str, Any], frames: int = TO_CALLER) -> bool:
    """Tell whether the running call of loguru passes on a record that the stdlib source has; called by `Capture` alone.

    Args:
        record: loguru's.
        frames: Frames up to loguru's caller.
    """
    if not stdlib_is_captured():
        return False
    try:
        caller: FrameType | None = sys._getframe(frames)  # noqa: SLF001 - as loguru itself
    except ValueError:
        return False
    for distance in range(_SEARCHED):
        caller = caller.f_back if distance and caller is not None else caller
        if caller is None:
            return False
        if caller.f_code is _HANDLE:
            return distance <= 1 or _is_same_text(caller, record)
    return False


def _is_same_text(handle: FrameType, record: Mapping[str, Any]) -> bool:
    """Tell whether a message far below ``Handler.handle`` is the handled record's, not one about something else."""
    handled, message = handle.f_locals.get("record"), record.get("message")
    return isinstance(handled, logging.LogRecord) and isinstance(message, str) and handled.getMessage() in message
