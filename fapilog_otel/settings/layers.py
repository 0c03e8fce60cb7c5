"""Where values come from, ranked: arguments, our environment variables, the standard ones, the preset, the defaults.

    arguments ─► FAPILOG_OTEL_* ─► OTEL_* ─► preset ─► default        the first layer that has a setting gives it

A layer is a flat mapping from the dotted name of a setting to an `Entry`; sections (``limits``) are merged key by key,
mappings (``headers``) are taken whole from one layer, so that credentials of two origins never mix.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from pydantic import BaseModel

from fapilog_otel.errors import ConfigError
from fapilog_otel.settings.invalid import suggest

ARGUMENT: Final = "argument"
DEFAULT: Final = "default"


@dataclass(frozen=True, slots=True)
class Entry:
    """A value, not validated yet, and its origin: ``argument``, ``environment NAME``, ``preset NAME``."""

    value: object = field(repr=False)  # may be a credential
    origin: str


Layer: TypeAlias = Mapping[str, Entry]


@dataclass(frozen=True, slots=True)
class Shape:
    """The names that settings have.

    Args:
        plain: Settings that are not sections.
        sections: Sections to the names within.
        nullable: Dotted names of the settings that may be None.
    """

    plain: frozenset[str]
    sections: Mapping[str, frozenset[str]]
    nullable: frozenset[str]

    def paths(self) -> frozenset[str]:
        """Give the dotted name of every setting."""
        nested = (f"{section}.{name}" for section, names in self.sections.items() for name in names)
        return self.plain.union(nested)


def argument_layer(arguments: Mapping[str, object], shape: Shape, meaningful_none: frozenset[str]) -> dict[str, Entry]:
    """Give the layer of explicit arguments.

    Args:
        arguments: Keywords as given; sections as mappings or section models.
        shape: The known names.
        meaningful_none: Settings for which None is a value; for all others it means "not given".

    Raises:
        ConfigError: A keyword or a section's key is unknown, or a section is no mapping.
    """
    layer: dict[str, Entry] = {}
    for name, value in arguments.items():
        if name in shape.sections:
            for key, item in section_items(name, value).items():
                _known(f"{name}.{key}", shape.paths())
                layer[f"{name}.{key}"] = Entry(item, ARGUMENT)
            continue
        _known(name, shape.plain | set(shape.sections))
        if value is not None or name in meaningful_none:
            layer[name] = Entry(value, ARGUMENT)
    return layer


def section_items(name: str, value: object) -> Mapping[str, object]:
    """Give what a section argument sets: the items of a mapping, the fields set on a section model.

    Raises:
        ConfigError: It is neither.
    """
    if isinstance(value, BaseModel):
        return {key: getattr(value, key) for key in value.model_fields_set}
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ConfigError(name, value, "is not a mapping", f"Give a mapping of the settings under {name}", ARGUMENT)
    return value


def _known(name: str, known: frozenset[str]) -> None:
    if name not in known:
        # The value is not shown: it may be a credential under a misspelt name.
        raise ConfigError(name, "***", "there is no such setting", suggest(name, known), ARGUMENT)


def merge(*layers: Layer) -> dict[str, Entry]:
    """Give for every setting the entry of the first layer that has it."""
    merged: dict[str, Entry] = {}
    for layer in reversed(layers):
        merged.update(layer)
    return merged


def nest(entries: Layer) -> dict[str, Any]:
    """Give the values of a layer as keywords: ``limits.depth`` under ``limits``."""
    values: dict[str, Any] = {}
    for path, entry in entries.items():
        section, dot, key = path.partition(".")
        if dot:
            values.setdefault(section, {})[key] = entry.value
        else:
            values[path] = entry.value
    return values
