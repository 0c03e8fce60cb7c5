"""Settings of fapilog under which events are lost or go elsewhere without a word, said in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fapilog.plugins import loader

from fapilog_otel.sources.fapilog.sink import NAME
from fapilog_otel.telemetry.diagnostics import get_diagnostics

if TYPE_CHECKING:
    from collections.abc import Iterable


def find_traps(settings: Any, *, report: bool = True) -> list[str]:
    """Give what in settings of fapilog keeps events, or their redaction, from where they are meant to go.

    Args:
        settings: A ``fapilog.Settings``.
        report: Whether each is said on stderr too, as a warning.

    Returns:
        One sentence a trap, with its remedy.
    """
    found = [*_external(settings), *_blocked(settings), *_shedding(settings)]
    if report:
        for text in found:
            get_diagnostics().report(f"fapilog.trap.{text[:24]}", text)
    return found


def _external(settings: Any) -> Iterable[str]:
    names = {_normal(name) for name in settings.core.sinks}
    allowed = settings.plugins.allow_external or NAME in {_normal(name) for name in settings.plugins.allowlist}
    if NAME in names and not allowed and NAME not in loader.BUILTIN_SINKS:
        yield (
            "fapilog does not load the sink fapilog_otel and writes to stdout instead: "
            "set plugins.allow_external=true, or call fapilog_otel.install('fapilog') first"
        )


def _blocked(settings: Any) -> Iterable[str]:
    allowed = {_normal(name) for name in settings.plugins.allowlist}
    if not allowed:
        return
    groups = (("redactors", "redacts"), ("enrichers", "enriches"), ("filters", "filters"), ("sinks", "writes to"))
    for group, verb in groups:
        blocked = [name for name in getattr(settings.core, group) or [] if _normal(name) not in allowed]
        if blocked:
            yield (
                f"plugins.allowlist blocks built-in {group} too: nothing {verb} with {', '.join(blocked)}; "
                "add them to the list"
            )


def _shedding(settings: Any) -> Iterable[str]:
    if settings.adaptive.enabled and settings.adaptive.filter_tightening:
        yield (
            "adaptive.filter_tightening sheds INFO under pressure and counts none of it: "
            "set adaptive.filter_tightening=false; our own queue counts what it drops"
        )


def _normal(name: str) -> str:
    return name.replace("-", "_").lower()
