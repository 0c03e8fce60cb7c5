"""Where another log provider is global already: our pipeline is attached to it."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from fapilog_otel.compat import api
from fapilog_otel.provider.provider import LoggerProvider
from fapilog_otel.telemetry.diagnostics import get_diagnostics

if TYPE_CHECKING:
    from fapilog_otel.bootstrap.facade import Facade

# It goes on feeding whatever backend the façade has, so once a process is enough.
_attached: weakref.WeakSet[Any] = weakref.WeakSet()


def become_global(ours: Facade) -> None:
    """Make ours the global provider, or attach it to the one that is there."""
    present = api.current_logger_provider()
    if present is None:
        api.set_logger_provider(ours)
    elif present is not ours and present not in _attached:
        _attach(present, ours)


def _attach(present: Any, ours: Facade) -> None:
    kind = type(present).__name__
    add = getattr(present, "add_log_record_processor", None)
    if isinstance(present, LoggerProvider):
        # It delivers by itself; attached, everything would be delivered twice.
        _say(
            "provider.own", "the global log provider is a LoggerProvider of fapilog_otel; its records go their own way"
        )
    elif add is None:
        _say(
            "provider.foreign",
            f"the global log provider is a {kind}, which takes no processors; its records are not ours",
        )
    else:
        from fapilog_otel.provider.processor import EngineProcessor  # noqa: PLC0415 - loads the logs SDK

        add(EngineProcessor(ours))
        _attached.add(present)
        _say("provider.attached", f"the global log provider is a {kind}; our pipeline is attached to it")


def _say(kind: str, text: str) -> None:
    get_diagnostics().report(kind, text, level="info")
