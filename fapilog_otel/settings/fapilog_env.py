"""Our own environment variables: ``FAPILOG_OTEL_TIMEOUT``, ``FAPILOG_OTEL_EXPORTERS__A__LEVEL``.

Every variable with the prefix must be known: a misspelt one is an error, not a setting that silently does nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fapilog_otel.errors import ConfigError
from fapilog_otel.settings import parse
from fapilog_otel.settings.invalid import InvalidValueError, suggest
from fapilog_otel.settings.layers import Entry, Shape
from fapilog_otel.settings.secret import MASK

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX: Final = "FAPILOG_OTEL_"
EXPORTERS: Final = "exporters"

# Read where they act, before or without settings.
ELSEWHERE: Final = frozenset({"FAPILOG_OTEL_NATIVE"})

# Here "none" is the name of a choice.
_NONE_IS_A_NAME: Final = frozenset({"logs_exporter"})


def variable(path: str) -> str:
    """Give the environment variable of a setting: ``limits.depth`` has ``FAPILOG_OTEL_LIMITS__DEPTH``."""
    return PREFIX + path.replace(".", "__").upper()


def narrowed(origin: str, path: str) -> str:
    """Give the origin of one value within a setting, of all the variables that the setting came from.

    Args:
        origin: Origin of the whole setting.
        path: Dotted path of the value, ``exporters.main.timeout``.
    """
    if not origin.startswith("environment "):
        return origin
    names = origin.removeprefix("environment ").split(", ")
    own = variable(path)
    near = [name for name in names if name == own] or [name for name in names if "__" not in name]
    return f"environment {', '.join(near or names)}"


def read_fapilog_env(environ: Mapping[str, str], shape: Shape) -> dict[str, Entry]:
    """Give the layer of our own environment variables; an empty variable counts as unset.

    Raises:
        ConfigError: A variable with our prefix is unknown.
    """
    names = {variable(path): path for path in shape.paths()}
    layer: dict[str, Entry] = {}
    nested: dict[str, str] = {}
    for name, text in sorted(environ.items()):
        if not name.startswith(PREFIX) or name in ELSEWHERE or not text.strip():
            continue
        if name in names:
            path = names[name]
            layer[path] = Entry(_nullable(path, text.strip(), shape), f"environment {name}")
        elif name.startswith(variable(EXPORTERS) + "__"):
            nested[name] = text.strip()
        else:
            # The value is not shown: it may be a credential under a misspelt name.
            problem = "there is no such setting"
            raise ConfigError(name, MASK, problem, suggest(name, {*names, *ELSEWHERE}), "environment")
    if nested:
        layer[EXPORTERS] = _exporters(layer.get(EXPORTERS), nested)
    return layer


def _nullable(path: str, text: str, shape: Shape) -> str | None:
    return None if text.lower() == "none" and path in shape.nullable - _NONE_IS_A_NAME else text


def _exporters(whole: Entry | None, nested: Mapping[str, str]) -> Entry:
    name = variable(EXPORTERS)
    try:
        destinations: dict[str, Any] = parse.mapping(whole.value) if whole is not None else {}
    except InvalidValueError as error:
        raise ConfigError(name, MASK, error.problem, error.remedy, f"environment {name}") from error
    for variable_name, text in nested.items():
        destination, _, key = variable_name.removeprefix(f"{name}__").lower().partition("__")
        config = destinations.setdefault(destination, {})
        if not destination or not key or not isinstance(config, dict):
            remedy = f"Write {name}__NAME__KEY, for example {name}__BACKUP__ENDPOINT"
            raise ConfigError(
                variable_name, MASK, "names no destination and key", remedy, f"environment {variable_name}"
            )
        config[key] = text
    names = [name] * (whole is not None) + list(nested)
    return Entry(destinations, f"environment {', '.join(names)}")
