"""What ``configure()`` would find wrong with settings, found without starting anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fapilog_otel.assembly.build import engine_spec
from fapilog_otel.sources.select import make_sources
from fapilog_otel.telemetry.diagnostics import get_diagnostics

if TYPE_CHECKING:
    from fapilog_otel.settings import Settings


def check_everything(settings: Settings) -> tuple[str, ...]:
    """Build all that the settings name.

    Returns:
        What an application would be warned of.

    Raises:
        ConfigError: ``configure()`` would raise it.
    """
    with get_diagnostics().collected() as said:
        engine_spec(settings)
        make_sources(settings)
    return (*settings.warnings, *said)


def check_all_but_destinations(settings: Settings) -> None:
    """Build the stages and sources that the settings name, where each destination is tried by itself.

    Raises:
        ConfigError: ``configure()`` would raise it.
    """
    engine_spec(settings, destinations=())
    make_sources(settings)


def why_nothing(settings: Settings) -> str:
    """Tell why nothing is delivered anywhere, and what says so; empty: there are destinations."""
    if settings.disabled:
        return f"everything is disabled ({settings.origin('disabled')})"
    if settings.destinations():
        return ""
    says_so = "logs_exporter" if settings.exporters is None else "exporters"
    return f"there is no destination ({settings.origin(says_so)})"
