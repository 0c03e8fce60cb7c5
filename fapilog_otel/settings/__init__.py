"""Settings: explicit argument, then environment, then preset, then default; every value knows its origin.

::

    arguments ──────┐
    FAPILOG_OTEL_* ─┼─► layers, ranked ─► Settings, frozen ─► checks ─► destinations()
    OTEL_* ─────────┤
    preset ─────────┘

Names load when used, so that the modules without Pydantic (``secret``, ``parse``, ``endpoint``) stay cheap to import.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from fapilog_otel.settings.describe import SettingLine
    from fapilog_otel.settings.endpoint import Protocol
    from fapilog_otel.settings.invalid import InvalidValueError, suggest
    from fapilog_otel.settings.loading import load_settings
    from fapilog_otel.settings.presets import PRESETS, Preset
    from fapilog_otel.settings.root import Settings
    from fapilog_otel.settings.secret import MASK, Headers, Secret, mask_url
    from fapilog_otel.settings.sections import BreakerSettings, LimitSettings, RedactionSettings, RetrySettings

__all__ = [
    "MASK",
    "PRESETS",
    "BreakerSettings",
    "Headers",
    "InvalidValueError",
    "LimitSettings",
    "Preset",
    "Protocol",
    "RedactionSettings",
    "RetrySettings",
    "Secret",
    "SettingLine",
    "Settings",
    "load_settings",
    "mask_url",
    "suggest",
]

_HOMES: Final = {
    "BreakerSettings": "sections",
    "MASK": "secret",
    "PRESETS": "presets",
    "Headers": "secret",
    "InvalidValueError": "invalid",
    "LimitSettings": "sections",
    "Preset": "presets",
    "Protocol": "endpoint",
    "RedactionSettings": "sections",
    "RetrySettings": "sections",
    "Secret": "secret",
    "SettingLine": "describe",
    "Settings": "root",
    "load_settings": "loading",
    "mask_url": "secret",
    "suggest": "invalid",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
