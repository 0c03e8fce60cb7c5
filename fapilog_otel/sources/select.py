"""Built-in sources made with the settings' levels; others come from their entry points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fapilog_otel.contracts import Source
    from fapilog_otel.settings import Settings


def make_source(name: str, settings: Settings, options: dict[str, Any]) -> Source | None:
    """Give the built-in source of this name with the settings' values as defaults, or None: not built in."""
    if name != "stdlib":
        return None
    from fapilog_otel.sources.stdlib import StdlibSource  # noqa: PLC0415 - loads logging

    values: dict[str, Any] = {
        "level": settings.level,
        "levels": settings.levels,
        "code_attributes": settings.code_attributes,
        "fast_stdlib": settings.fast_stdlib,
        **options,
    }
    return StdlibSource(**values)
