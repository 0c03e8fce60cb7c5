"""Where another log provider is global already: our pipeline is attached to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fapilog_otel.provider.processor import EngineProcessor
from fapilog_otel.telemetry.diagnostics import get_diagnostics

if TYPE_CHECKING:
    from fapilog_otel.provider.provider import LoggerProvider


def attach_to_provider(present: Any, ours: LoggerProvider) -> None:
    """Have a foreign global provider's records delivered by our engine too, where it takes processors."""
    kind = type(present).__name__
    add = getattr(present, "add_log_record_processor", None)
    if add is None:
        get_diagnostics().report(
            "provider.foreign", f"the global log provider is a {kind}, which takes no processors; its records are not ours"
        )
        return
    add(EngineProcessor(ours))
    get_diagnostics().report(
        "provider.attached", f"the global log provider is a {kind}; our pipeline is attached to it", level="info"
    )
