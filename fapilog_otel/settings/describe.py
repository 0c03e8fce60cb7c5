"""Every setting as a line of name, shown value and origin, secrets masked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from pydantic import BaseModel

from fapilog_otel.settings.otel_env import RESOURCE_ATTRIBUTES, SERVICE_NAME
from fapilog_otel.settings.secret import MASK, Headers, mask_assigned, mask_url

if TYPE_CHECKING:
    from fapilog_otel.settings.root import Settings

_SECRET_KEY: Final = re.compile(
    r"key|token|secret|password|passwd|credential|authorization|cookie|headers", re.IGNORECASE
)
_PATHS: Final = frozenset({"client_key", "headers_file"})
_FROM_RESOURCE_DETECTOR: Final = {"service_name": SERVICE_NAME, "resource": RESOURCE_ATTRIBUTES}


class SettingLine(NamedTuple):
    """One setting as ``config show`` prints it.

    Args:
        name: Dotted name, as in ``limits.depth``.
        value: The value as it may be shown.
        origin: ``argument``, ``environment NAME``, ``preset NAME`` or ``default``.
    """

    name: str
    value: str
    origin: str


def describe(settings: Settings, environ: Mapping[str, str]) -> list[SettingLine]:
    """Give a line for every setting, in the order of the fields, sections and destinations spread out."""
    lines: list[SettingLine] = []
    for path, value in _flat(settings, ""):
        origin = settings.origin(path if not path.startswith("exporters.") else "exporters")
        detected = environ.get(_FROM_RESOURCE_DETECTOR.get(path, ""), "")
        if detected and not value:
            lines.append(SettingLine(path, _detected(detected), f"environment {_FROM_RESOURCE_DETECTOR[path]}"))
        else:
            lines.append(SettingLine(path, shown(path, value), origin))
    return lines


def _flat(model: BaseModel, prefix: str) -> Iterator[tuple[str, object]]:
    for name in type(model).model_fields:
        value = getattr(model, name)
        if isinstance(value, BaseModel):
            yield from _flat(value, f"{prefix}{name}.")
        elif name == "exporters" and isinstance(value, Mapping):
            yield from ((f"exporters.{key}", item) for key, item in value.items())
        else:
            yield f"{prefix}{name}", value


def _detected(text: str) -> str:
    pairs = (item.partition("=") for item in text.split(","))
    return ",".join(key + equals + (MASK if _SECRET_KEY.search(key) else value) for key, equals, value in pairs)


def shown(name: str, value: object) -> str:
    """Give a value as it may be shown: credentials masked, objects by the name of their type."""
    if isinstance(value, str):
        if _is_secret(name):
            return MASK
        return mask_url(value) if "://" in value or "@" in value else mask_assigned(value)
    if isinstance(value, Headers):
        return repr(value)
    if isinstance(value, bytes):
        return f"{len(value)} bytes in PEM form"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {shown(str(key), item)}" for key, item in value.items()) + "}"
    if isinstance(value, Sequence):
        return "[" + ", ".join(shown("", item) for item in value) + "]"
    if value is None or isinstance(value, bool | int | float):
        return str(value).lower()
    return getattr(value, "__qualname__", type(value).__qualname__)


def masked(name: str, value: object) -> object:
    """Give a value as a dump may hold it: of its own type where that may be shown, else as `shown` gives it."""
    if isinstance(value, BaseModel):
        return {field: masked(field, getattr(value, field)) for field in type(value).model_fields}
    if isinstance(value, Mapping) and not isinstance(value, Headers):
        return {str(key): masked(str(key), item) for key, item in value.items()}
    if isinstance(value, Headers):
        return dict.fromkeys(value, MASK)
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return [masked("", item) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return shown(name, value)


def _is_secret(name: str) -> bool:
    last = name.rpartition(".")[2]
    return last not in _PATHS and bool(_SECRET_KEY.search(last))
