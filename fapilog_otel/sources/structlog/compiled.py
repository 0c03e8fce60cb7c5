"""The compiled functions of ``sources._structlog_native``, where they were built and the native encoder is in use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fapilog_otel.encode.select import NATIVE
from fapilog_otel.sources.structlog.translate import ADDED, DEFAULT_SCOPE, SEVERITIES, UNUSUAL, stdlib_level

if TYPE_CHECKING:
    from collections.abc import Callable

    from fapilog_otel.sources._structlog_native import Functions

_MAX_TARGETS: Final = 4096
_EVENT, _ADDED, _LOGGER, _UNUSUAL = 1, 2, 3, 4  # as the compiled code has them


def compiled_hook(*, target: Callable[[str], tuple[object, int] | None], **parts: Any) -> Functions | None:
    """Give the compiled functions, or None: events then run through the Python of this package.

    Args:
        target: Scope name to our logger, or None, and the lowest severity number; None: not now.
        **parts: What else they are made of.
    """
    if not NATIVE:
        return None
    try:
        from fapilog_otel.sources._structlog_native import Functions, Method  # noqa: PLC0415 - compiled where it can be
    except ImportError:
        return None
    targets: dict[str, tuple[object, int]] = {}

    def remember(name: str) -> tuple[object, int]:
        if len(targets) >= _MAX_TARGETS:
            targets.clear()
        found = target(name)
        if found is None:
            return None, 0
        targets[name] = found
        return found

    made: Functions = Functions(
        target=remember,
        targets=targets,
        methods={
            name: Method(number, text, stdlib_level(name), name != "exception")
            for name, (number, text) in SEVERITIES.items()
        },
        kinds={
            **dict.fromkeys(UNUSUAL, _UNUSUAL),
            **dict.fromkeys(ADDED, _ADDED),
            "event": _EVENT,
            "logger": _LOGGER,
        },
        default_scope=DEFAULT_SCOPE,
        **parts,
    )
    return made
