"""Checks of what users pass to stages; each gives the value in its final type or raises a `ConfigError`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fapilog_otel.errors import ConfigError
from fapilog_otel.model.severity import parse_level

if TYPE_CHECKING:
    from collections.abc import Collection


def severity(setting: str, value: str | int) -> int:
    """Give the severity number of a level name or a stdlib level number."""
    try:
        return parse_level(value)
    except (ValueError, AttributeError) as error:
        raise ConfigError(setting, value, str(error), "Write a level name such as 'INFO'") from error


def number(setting: str, value: float, *, low: float, high: float | None = None) -> float:
    """Give a number from ``low`` to ``high``."""
    bounds = f"at least {low:g}" if high is None else f"from {low:g} to {high:g}"
    try:
        given = float(value)
    except (TypeError, ValueError) as error:
        raise ConfigError(setting, value, "is not a number", f"Write a number {bounds}") from error
    if not low <= given or (high is not None and given > high):
        raise ConfigError(setting, value, "is out of range", f"Write a number {bounds}")
    return given


def whole(setting: str, value: int, *, low: int) -> int:
    """Give a whole number not below ``low``."""
    given = number(setting, value, low=low)
    if not given.is_integer():
        raise ConfigError(setting, value, "is not a whole number", f"Write a whole number, at least {low}")
    return int(given)


def choice(setting: str, value: str, choices: Collection[str]) -> str:
    """Give a value that is one of ``choices``."""
    if value not in choices:
        raise ConfigError(setting, value, "is unknown", f"Write one of: {', '.join(sorted(choices))}")
    return value
