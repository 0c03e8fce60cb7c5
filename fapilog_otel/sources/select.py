"""Sources by name: built-in ones made with the settings' levels, others from their entry points."""

from __future__ import annotations

import inspect
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from fapilog_otel.errors import ConfigError
from fapilog_otel.settings.invalid import suggest
from fapilog_otel.settings.located import located

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fapilog_otel.contracts import Source
    from fapilog_otel.settings import Settings

_LEVELS: Final = {"level": "level", "levels": "levels"}

# Name to the class in the module of that name, and its options with the settings that are their defaults.
_BUILTIN: Final = {
    "stdlib": (
        "StdlibSource",
        {
            **_LEVELS,
            "code_attributes": "code_attributes",
            "fast_stdlib": "fast_stdlib",
            "correlation": "correlation.enabled",
            "correlation_format": "correlation.format",
            "correlation_level": "correlation.level",
        },
    ),
    "structlog": ("StructlogSource", _LEVELS),
    "loguru": ("LoguruSource", {**_LEVELS, "code_attributes": "code_attributes"}),
    "fapilog": ("FapilogSource", _LEVELS),
}


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
    if source in _BUILTIN:
        return _builtin(source, settings, options or {})
    from fapilog_otel.plugins import load_source  # noqa: PLC0415 - entry points are read only here

    return load_source(source, settings.plugins, options)


def _builtin(name: str, settings: Settings, options: Mapping[str, Any]) -> Source:
    from importlib import import_module  # noqa: PLC0415 - a source loads its library, so only the ones that are used

    kind, from_settings = _BUILTIN[name]
    try:
        make = getattr(import_module(f"fapilog_otel.sources.{name}"), kind)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != name:
            raise
        remedy = f"Install it: pip install 'fapilog-otel[{name}]'"
        raise ConfigError("sources", name, f"the library {name!r} is not installed", remedy) from None
    known = tuple(inspect.signature(make).parameters)
    for option in options:
        if option not in known:
            raise ConfigError(option, options[option], f"is no option of the source {name!r}", suggest(option, known))
    made: Source = make(**{**{option: attrgetter(path)(settings) for option, path in from_settings.items()}, **options})
    return made
