"""Errors that are found after the settings are made still name the setting in full, and where its value came from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from fapilog_otel.errors import ConfigError
from fapilog_otel.errors._types import locate
from fapilog_otel.settings.exporter_names import is_otlp

if TYPE_CHECKING:
    from fapilog_otel.settings.root import Settings

_ARGUMENT: Final = "argument"
_EXPORTERS: Final = "exporters"


@contextmanager
def located(settings: Settings, *about: str, destination: str = "", section: str = "") -> Iterator[None]:
    """Have a `ConfigError` out of the block name its setting in full, and the origin of the value.

    What builds a stage or an exporter knows an option's name, and neither where it stands nor who wrote it.

    Args:
        settings: Where the values come from.
        *about: Settings that are used in the block; what an error calls otherwise is a plugin's own word, and left.
        destination: Name of the destination that is built in it, in place of ``about``.
        section: Section of the settings that is used in it, in place of ``about``.
    """
    try:
        yield
    except ConfigError as error:
        root = error.setting.partition(".")[0]
        if error.origin != _ARGUMENT:
            pass  # it knows already
        elif destination:
            locate(error, *_of_destination(settings, destination, error.setting))
        elif section:
            locate(error, *_of_setting(settings, f"{section}.{error.setting}"))
        elif root in about:
            locate(error, *_of_setting(settings, error.setting))
        raise


def _of_setting(settings: Settings, path: str) -> tuple[str, str]:
    from fapilog_otel.settings.faults import named  # noqa: PLC0415 - pydantic, which whoever has settings has loaded

    known = path
    while known:
        try:
            return named(path, settings.origin(known), whole=known == path)
        except ConfigError:  # no setting of that name: perhaps the value lies within one
            known = known.rpartition(".")[0]
    return path, _ARGUMENT


def _of_destination(settings: Settings, destination: str, key: str) -> tuple[str, str]:
    """Tell where a destination's key stands: in its own configuration, or, inherited, among the settings."""
    path = f"{_EXPORTERS}.{destination}.{'type' if key == _EXPORTERS else key}"
    root = key.partition(".")[0]
    own = (settings.exporters or {}).get(destination)
    if key != _EXPORTERS and root in type(settings).model_fields and _inherits(settings, destination, root):
        return _of_setting(settings, key)
    if own is not None:
        return _of_setting(settings, path)
    if destination in (settings.logs_exporter or ()):
        chosen = _of_setting(settings, "logs_exporter")
        return chosen if key == _EXPORTERS else (path, chosen[1])
    return key, _ARGUMENT  # a face's own argument


def _inherits(settings: Settings, destination: str, key: str) -> bool:
    own = (settings.exporters or {}).get(destination)
    if own is not None:
        return isinstance(own, Mapping) and key not in own and is_otlp(own["type"])
    return is_otlp(destination) or destination not in (settings.logs_exporter or ())
