"""Turns what Pydantic and our validators report into one `ConfigError` that names setting, value, origin and remedy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, get_origin

from pydantic import BaseModel

from fapilog_otel.errors import ConfigError
from fapilog_otel.settings.fapilog_env import narrowed
from fapilog_otel.settings.invalid import InvalidValueError, suggest
from fapilog_otel.settings.layers import ARGUMENT, Entry
from fapilog_otel.settings.secret import MASK, mask_url

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import ValidationError

# Their values are credentials, or may hold some.
SECRET_SETTINGS: Final = frozenset({"headers", "client_key", "exporters", "resource", "attributes"})


def config_error(error: ValidationError, model: type[BaseModel], entries: Mapping[str, Entry]) -> ConfigError:
    """Give the first fault of a validation as a `ConfigError`."""
    fault = error.errors(include_url=False)[0]
    path = _path(fault["loc"], entries)
    cause = fault.get("ctx", {}).get("error")
    if isinstance(cause, ConfigError):
        nested = f"{path}.{cause.setting}"
        return report(nested, cause.value, cause.problem, cause.remedy, entries, already_masked=True)
    if isinstance(cause, InvalidValueError):
        return invalid(path, cause, entries, fault["input"])
    if fault["type"] == "extra_forbidden":
        # The value is not shown: it may be a credential under a misspelt name.
        remedy = suggest(path, model.model_fields)
        return report(path, MASK, "there is no such setting", remedy, entries, already_masked=True)
    problem = "is unknown" if fault["type"] == "literal_error" else fault["msg"].replace("Input ", "", 1)
    return report(path, fault["input"], problem[:1].lower() + problem[1:], _remedy(fault, path, model), entries)


def invalid(path: str, error: InvalidValueError, entries: Mapping[str, Entry], value: object) -> ConfigError:
    """Give a validator's complaint as a `ConfigError`."""
    shown = error.shown if error.shown is not None else value
    full = f"{path}.{error.at}" if error.at else path
    return report(full, shown, error.problem, error.remedy, entries, already_masked=error.shown is not None)


def report(
    path: str,
    value: object,
    problem: str,
    remedy: str,
    entries: Mapping[str, Entry],
    *,
    already_masked: bool = False,
) -> ConfigError:
    """Give a `ConfigError` under the name that the user wrote: the variable, where the value came from one."""
    entry = entries.get(path) or entries.get(path.partition(".")[0])
    setting, origin = named(path, ARGUMENT if entry is None else entry.origin, whole=path in entries)
    if not already_masked:
        value = _shown(path, value)
    return ConfigError(setting, value, problem, remedy, origin)


def named(path: str, origin: str, *, whole: bool) -> tuple[str, str]:
    """Give a setting's name as the user wrote it, and the origin of just that value.

    Args:
        path: Dotted path of the value.
        origin: Origin of the setting that it is or lies in.
        whole: Whether it is a setting and not something within one.
    """
    if not whole:
        return path, narrowed(origin, path)
    return (origin.removeprefix("environment ") if origin.startswith("environment ") else path), origin


def _shown(path: str, value: object) -> object:
    if path.partition(".")[0] in SECRET_SETTINGS:
        return MASK
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    return mask_url(value) if path == "endpoint" and isinstance(value, str) else value


def _path(location: Sequence[int | str], entries: Mapping[str, Entry]) -> str:
    # Pydantic appends positions and union members to the names: the longest known prefix is the setting.
    parts = [str(part) for part in location]
    for length in range(len(parts), 0, -1):
        if ".".join(parts[:length]) in entries:
            return ".".join(parts[:length])
    return ".".join(parts[:1])


def _remedy(fault: Any, path: str, model: type[BaseModel]) -> str:
    expected = fault.get("ctx", {}).get("expected")
    if fault["type"] == "literal_error" and isinstance(expected, str):
        known = expected.replace("'", "").replace(" or ", ", ").split(", ")
        return suggest(str(fault["input"]), known)
    return f"{path}: {describe_field(model, path)}"


def section_model(annotation: object) -> type[BaseModel] | None:
    """Give the model of a field that is a section, or None for any other annotation."""
    # Python 3.10 takes list[str] for a type, and issubclass raises on it.
    if isinstance(annotation, type) and get_origin(annotation) is None and issubclass(annotation, BaseModel):
        return annotation
    return None


def describe_field(model: type[BaseModel], path: str) -> str:
    """Give the description of a setting by its dotted name; empty for an unknown one."""
    name, dot, rest = path.partition(".")
    field = model.model_fields.get(name)
    if field is None:
        return ""
    section = section_model(field.annotation)
    if dot and section is not None:
        return describe_field(section, rest)
    return field.description or ""


def is_explicit(origin: str) -> bool:
    """Tell whether a value comes from the user's own hand: an argument or one of our variables."""
    return origin == ARGUMENT or origin.startswith("environment FAPILOG_OTEL_")
