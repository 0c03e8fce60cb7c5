"""What a process does first when it was started without code: configure, and never be what kills the application."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LOGGING_SWITCH: Final = "OTEL_PYTHON_LOGGING_AUTO_INSTRUMENTATION_ENABLED"

# Processes that the standard library starts for itself: no application's code runs in them.
_HELPERS: Final = ("from multiprocessing.resource_tracker import", "from multiprocessing.forkserver import")


def start(**arguments: Any) -> bool:
    """Configure from the environment.

    Args:
        **arguments: Arguments of ``configure()`` that this start adds.

    Returns:
        Whether the bridge runs; where it does not, one line on stderr has said why.
    """
    try:
        from fapilog_otel.bootstrap.configure import configure, current_handle  # noqa: PLC0415 - what it costs is paid here, contained

        running = current_handle()
        if running is not None and not running.closed:
            return True
        handle = configure(**without_stdlib(os.environ), **arguments)
        handle.is_zero_code = True
    except Exception as error:  # noqa: BLE001 - a zero-code start never kills the application
        complain(error)
        return False
    return True


def without_stdlib(environ: Mapping[str, str]) -> dict[str, Any]:
    """Give the argument that leaves stdlib ``logging`` out where OpenTelemetry's own switch says so."""
    if environ.get(LOGGING_SWITCH, "").strip().lower() != "false":
        return {}
    named = environ.get("FAPILOG_OTEL_SOURCES", "")
    return {"sources": [name.strip() for name in named.split(",") if name.strip() not in ("", "stdlib")]}


def is_helper(command: Sequence[str]) -> bool:
    """Tell whether a command line is that of a process of the standard library's own."""
    return any(text in argument for argument in command for text in _HELPERS)


def complain(error: BaseException) -> None:
    """Say on stderr in one line why logs are not delivered."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    shown = "".join(character if character.isprintable() else "?" for character in text)
    try:
        print(f"fapilog_otel: not started, the application runs without: {shown}", file=sys.stderr)  # noqa: T201
    except (OSError, ValueError, AttributeError):
        return  # there is no stderr to say it on
