"""Errors that are found after the settings are made still name the setting in full, and where its value came from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from fapilog_otel.errors import ConfigError
from fapilog_otel.errors._types import locate
from fapilog_otel.settings.faults import named
from fapilog_otel.settings.layers import ARGUMENT

if TYPE_CHECKING:
    from fapilog_otel.settings.root import Settings

_EXPORTERS: Final = "exporters"


@contextmanager
def located(settings: Settings, destination: str = "", *, section: str = "") -> Iterator[None]:
    """Have a `ConfigError` out of the block name its setting in full, and the origin of the value.

    What builds a stage or an exporter knows an option's name, and neither where it stands nor who wrote it.

    Args:
        settings: Where the values come from.
        destination: Name of the destination that is built in the block.
        section: Section of the settings that is used in it.
    """
    try:
        yield
    except ConfigError as error:
        if error.origin == ARGUMENT:
            path = f"{section}.{error.setting}" if section else error.setting
            place = _of_destination(settings, destination, path) if destination else _of_setting(settings, path)
            locate(error, *place)
        raise


def _of_setting(settings: Settings, path: str) -> tuple[str, str]:
    known = path
    while known:
        try:
            return named(path, settings.origin(known), whole=known == path)
        except ConfigError:  # no setting of that name: perhaps the value lies within one
            known = known.rpartition(".")[0]
    return path, ARGUMENT


def _of_destination(settings: Settings, destination: str, key: str) -> tuple[str, str]:
    """Tell where a destination's key stands: in its own configuration, or, inherited, among the settings."""
    path = f"{_EXPORTERS}.{destination}.{'type' if key == _EXPORTERS else key}"
    root = key.partition(".")[0]
    configured = settings.exporters or {}
    if destination in configured:
        own = configured[destination]
        if isinstance(own, Mapping) and root not in own and root in type(settings).model_fields and root != _EXPORTERS:
            return _of_setting(settings, key)
        return _of_setting(settings, path)
    if root in type(settings).model_fields and root != _EXPORTERS:
        return _of_setting(settings, key)
    if settings.exporters is None and settings.logs_exporter and destination in settings.logs_exporter:
        chosen = _of_setting(settings, "logs_exporter")
        return chosen if key == _EXPORTERS else (path, chosen[1])
    return key, ARGUMENT
