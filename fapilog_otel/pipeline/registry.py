"""Built-in stages by fapilog's names, so that a setting can name them.

``stages=["rate_limit", {"name": "sampling", "rate": 0.1}, MyStage()]``
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, TypeAlias

from fapilog_otel.contracts.stage import Stage
from fapilog_otel.encode.plan import Redaction
from fapilog_otel.errors import ConfigError, PluginError
from fapilog_otel.errors._types import locate
from fapilog_otel.pipeline.enrich import ContextVarsEnricher, StaticAttributes
from fapilog_otel.pipeline.filter import (
    LevelFilter,
    RateLimitFilter,
    SamplingFilter,
    TraceBasedFilter,
    minimum_severity,
)
from fapilog_otel.pipeline.limits import SizeGuard, StringTruncate
from fapilog_otel.pipeline.redact import RedactStage, field_blocker, field_mask, regex_mask, url_credentials

if TYPE_CHECKING:
    from collections.abc import Callable

StageSpec: TypeAlias = str | Mapping[str, object] | Stage

BUILTIN: Final[dict[str, Callable[..., object]]] = {
    "level": LevelFilter,
    "minimum_severity": minimum_severity,
    "sampling": SamplingFilter,
    "trace_sampling": SamplingFilter,
    "rate_limit": RateLimitFilter,
    "trace_based": TraceBasedFilter,
    "context_vars": ContextVarsEnricher,
    "static_attributes": StaticAttributes,
    "url_credentials": url_credentials,
    "field_mask": field_mask,
    "field_blocker": field_blocker,
    "regex_mask": regex_mask,
    "string_truncate": StringTruncate,
    "size_guard": SizeGuard,
}
# What fapilog calls our options.
_ALIASES: Final = {
    "sample_rate": "rate",
    "fields_to_mask": "fields",
    "blocked_fields": "fields",
    "allowed_fields": "allowed",
    "mask_string": "mask",
    "max_string_length": "max_length",
}
_NOT_SETTINGS: Final = frozenset(("name", "clock", "draw"))


def make_stage(spec: StageSpec, factories: Mapping[str, Callable[..., object]] | None = None) -> Stage:
    """Give the stage that a setting describes.

    Args:
        spec: A name, a mapping with ``name`` and the stage's options, or a stage, which is given back.
        factories: Stages from elsewhere (plugins) by name; a built-in name cannot be replaced.

    Raises:
        PluginError: The name is unknown.
        ConfigError: An option is unknown or its value cannot be used.
    """
    if isinstance(spec, str):
        return _make(spec, {}, factories or {})
    if isinstance(spec, Mapping):
        options = dict(spec)
        name = options.pop("name", None)
        if not isinstance(name, str):
            raise ConfigError("stages", spec, "does not name a stage", "Add a key 'name'")
        return _make(name, options, factories or {})
    return spec


def _make(name: str, options: dict[str, object], factories: Mapping[str, Callable[..., object]]) -> Stage:
    factory = BUILTIN.get(name) or factories.get(name)
    if factory is None:
        known = [*BUILTIN, *factories]
        raise PluginError("stages", name, "is not a known stage", _suggest(name, known))
    settings = _checked_options(name, options, factory)
    if name == "trace_sampling":
        settings["name"] = name
    try:
        made = factory(**settings)
    except ConfigError as error:
        if error.setting not in settings:
            raise
        wrote = next((option for option in options if _ALIASES.get(option) == error.setting), error.setting)
        locate(error, f"stages.{name}.{wrote}", error.origin)
        raise
    except TypeError as error:
        remedy = f"Write some of: {', '.join(_option_names(factory))}"
        raise ConfigError(f"stages.{name}", options, str(error), remedy) from error
    return _as_stage(name, made)


def _as_stage(name: str, made: object) -> Stage:
    return RedactStage(name, made) if isinstance(made, Redaction) else made  # type: ignore[return-value]


def _checked_options(name: str, options: Mapping[str, object], factory: Callable[..., object]) -> dict[str, object]:
    if name not in BUILTIN:
        return dict(options)
    known = _option_names(factory)
    settings: dict[str, object] = {}
    for option, value in options.items():
        ours = option if option in known else _ALIASES.get(option, option)
        if ours not in known:
            raise ConfigError(f"stages.{name}.{option}", value, "is not an option", _suggest(option, known))
        settings[ours] = value
    return settings


def _option_names(factory: Callable[..., object]) -> list[str]:
    return [name for name in inspect.signature(factory).parameters if name not in _NOT_SETTINGS]


def _suggest(given: str, known: list[str]) -> str:
    near = difflib.get_close_matches(given, known, n=1)
    names = ", ".join(sorted(known)) or "no options"
    return f"Did you mean {near[0]!r}? Known: {names}" if near else f"Known: {names}"
