"""Sources by name: built-in ones made with the settings' levels, others from their entry points."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Final

from fapilog_otel.errors import ConfigError
from fapilog_otel.settings.invalid import suggest
from fapilog_otel.settings.located import located

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fapilog_otel.contracts import Source
    from fapilog_otel.settings import Settings

_FROM_SETTINGS: Final = ("level", "levels", "code_attributes", "fast_stdlib")


def make_sources(settings: Settings) -> tuple[Source, ...]:
    """Give the sources that settings name, made and not installed.

    Raises:
        ConfigError: One is unknown, may not be loaded or cannot be made.
    """
    with located(settings, "sources"):
        return tuple(make_source(source, settings) for source in settings.sources)


def make_source(source: str | Source, settings: Settings, options: Mapping[str, Any] | None = None) -> Source:
    """Give a source.

    Args:
        source: Name, or a source, which is given back.
        settings: Defaults of the built-in ones, and the plugins that may be loaded.
        options: Keywords of the source.

    Raises:
        ConfigError: It is unknown, may not be loaded, or does not take the options.
    """
    if not isinstance(source, str):
        if options:
            remedy = "Give them to the source where it is made"
            raise ConfigError(next(iter(options)), "***", "a source that is made already takes no options", remedy)
        return source
    if source == "stdlib":
        return _stdlib(settings, options or {})
    from fapilog_otel.plugins import load_source  # noqa: PLC0415 - entry points are read only here

    return load_source(source, settings.plugins, options)


def _stdlib(settings: Settings, options: Mapping[str, Any]) -> Source:
    from fapilog_otel.sources.stdlib import StdlibSource  # noqa: PLC0415 - loads logging

    known = tuple(inspect.signature(StdlibSource).parameters)
    for name in options:
        if name not in known:
            raise ConfigError(name, options[name], "is no option of the source 'stdlib'", suggest(name, known))
    return StdlibSource(**{**{name: getattr(settings, name) for name in _FROM_SETTINGS}, **options})
