"""Settings from what ``configure()`` was given, over a `Settings` object that may be among it."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from fapilog_otel.errors import ConfigError
from fapilog_otel.settings.layers import section_items
from fapilog_otel.settings.root import MEANINGFUL_NONE, Settings, shape_of_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def load_settings(arguments: Mapping[str, object], environ: Mapping[str, str] | None = None) -> Settings:
    """Give the settings that arguments, environment, preset and defaults make together.

    Args:
        arguments: Keywords that the user gave; ``settings`` may be among them: a `Settings` whose arguments and
            environment count, under the other keywords.
        environ: The environment; None: the process's, or that of ``settings``.

    Raises:
        ConfigError: An argument or a ``FAPILOG_OTEL_*`` variable is unknown or cannot be used; with ``strict`` also a
            standard variable.
    """
    explicit = dict(arguments)
    base = explicit.pop("settings", None)
    if base is not None:
        if not isinstance(base, Settings):
            raise ConfigError("settings", type(base).__name__, "is no Settings object", "Give fapilog_otel.Settings(…)")
        explicit = _over(base._arguments, explicit)  # noqa: SLF001 - same package
        environ = base._environ if environ is None else environ  # noqa: SLF001
    build = cast("Callable[..., Settings]", Settings)
    return build(**explicit, _environ=environ)


def same_arguments(first: Settings, second: Settings) -> bool:
    """Tell whether two were made with the same explicit arguments, whatever the environment was."""
    return first._arguments == second._arguments  # noqa: SLF001 - same package


def _over(base: Mapping[str, object], explicit: Mapping[str, object]) -> dict[str, object]:
    given = {name: value for name, value in explicit.items() if value is not None or name in MEANINGFUL_NONE}
    merged = {**base, **given}
    for excluded, by in (("endpoint", "exporters"), ("exporters", "endpoint")):
        if by in given and excluded not in given:
            merged.pop(excluded, None)
    for section in shape_of_settings().sections:
        if section in base and section in given:
            merged[section] = {**section_items(section, base[section]), **section_items(section, given[section])}
    return merged
