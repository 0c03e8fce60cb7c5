"""What the installed fapilog_otel can do, for measurements that are older or newer than it."""

from __future__ import annotations


def has_setting(name: str) -> bool:
    """Tell whether ``configure()`` knows a setting.

    Args:
        name: Of the setting.
    """
    from fapilog_otel.settings import Settings

    return name in Settings.model_fields
