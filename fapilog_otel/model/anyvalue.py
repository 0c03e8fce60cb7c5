"""Any Python object becomes an OTLP AnyValue: a tree of str, bool, int64, float, bytes, None, list and dict.

Source: opentelemetry-proto ``common.proto`` AnyValue; OpenTelemetry specification, "Mapping Arbitrary Data to OTLP".
"""

from __future__ import annotations

import datetime as dt
import operator
from collections import UserString
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final, TypeAlias, cast

AnyValue: TypeAlias = str | bool | int | float | bytes | Sequence["AnyValue"] | Mapping[str, "AnyValue"] | None

INT64_MIN: Final = -(1 << 63)
INT64_MAX: Final = (1 << 63) - 1
DEPTH_MARK: Final = "[depth limit]"
NODE_MARK: Final = "[node limit]"

_PLAIN = frozenset((bool, float, bytes, type(None)))
_NAME_OF = type.__dict__["__name__"].__get__  # past what a metaclass may have put over it


class Budget:
    """How many more values one record may hold; shared lists nested forty deep would otherwise grow without bound.

    Args:
        nodes: Values left, keys not counted.
        depth: Greatest nesting of lists and mappings.
    """

    __slots__ = ("depth", "nodes")

    def __init__(self, nodes: int = 4096, depth: int = 16) -> None:
        self.nodes = nodes
        self.depth = depth


def normalise(value: object, budget: Budget | None = None) -> AnyValue:
    """Give the AnyValue tree of any object; never raises an `Exception`.

    Args:
        value: Anything. ``bool`` is told from ``int``; integers outside int64 become text; lone surrogates become
            U+FFFD; sets and tuples become lists; keys become text; dates ISO 8601; all else ``str(value)``.
        budget: Nodes and depth left for the record; None: the defaults.

    Returns:
        Exact builtin types only, fresh containers, safe to keep.
    """
    return _convert(value, budget or Budget(), 0)


def normalise_key(key: object) -> str:
    """Give an attribute key as valid text; never raises an `Exception`."""
    if type(key) is str:
        return clean_text(key)
    return clean_text(str.__str__(cast("str", key))) if issubclass(type(key), str) else object_text(key)


def clean_text(text: str) -> str:
    """Give the text with lone surrogates replaced by U+FFFD (UTF-8 cannot carry them); paired ones are joined."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def object_text(value: object) -> str:
    """Give ``str(value)``, or a note of its type and of the error when that raises an `Exception`."""
    try:
        text = str(value)
        return clean_text(text if type(text) is str else str.__str__(text))
    except Exception as error:  # noqa: BLE001 - arbitrary user code; the note in the record reports it
        return unprintable(value, error)


def unprintable(value: object, error: Exception) -> str:
    """Give the note that stands for a value which raised when it was to become text."""
    return f"<unprintable {type_name(value)}: {type_name(error)}>"


def type_name(value: object) -> str:
    """Give the name of an object's class, whatever its metaclass says; cannot raise."""
    return str(_NAME_OF(type(value)))


def _convert(value: object, budget: Budget, depth: int) -> AnyValue:
    if depth:  # a record's own values are bounded by the attribute limit; what is inside them by the budget
        budget.nodes -= 1
        if budget.nodes < 0:
            return NODE_MARK
    kind = type(value)
    if kind is str:
        return clean_text(value)  # type: ignore[arg-type]
    if kind in _PLAIN:
        return value  # type: ignore[return-value]
    if kind is int:
        return _integer(value)  # type: ignore[arg-type]
    try:
        return _convert_other(value, budget, depth)
    except Exception as error:  # noqa: BLE001 - arbitrary user code; the note in the record reports it
        return unprintable(value, error)


def _integer(value: int) -> AnyValue:
    if INT64_MIN <= value <= INT64_MAX:
        return value
    try:
        return str(value)
    except ValueError:  # longer than sys.get_int_max_str_digits()
        return hex(value)


def _convert_other(value: object, budget: Budget, depth: int) -> AnyValue:
    if isinstance(value, str):
        return clean_text(str.__str__(value))
    if isinstance(value, (bytes, bytearray, memoryview)):
        return memoryview(value).tobytes()  # exactly bytes, whatever __bytes__ gives
    if isinstance(value, float):
        return float(value)
    if isinstance(value, int):
        return _integer(int(value))
    if isinstance(value, Mapping):
        return DEPTH_MARK if depth >= budget.depth else _mapping(value, budget, depth + 1)
    if isinstance(value, UserString):  # a sequence of its own kind, without end
        return object_text(value)
    if isinstance(value, (Sequence, AbstractSet)):
        return DEPTH_MARK if depth >= budget.depth else _items(value, budget, depth + 1)
    if isinstance(value, (dt.datetime, dt.date, dt.time)):
        return object_text(value.isoformat())
    if isinstance(value, BaseException):
        return f"{type_name(value)}: {object_text(value)}"
    if hasattr(type(value), "__index__"):
        return _integer(operator.index(value))  # type: ignore[arg-type]
    return object_text(value)


def _mapping(value: Mapping[object, object], budget: Budget, depth: int) -> AnyValue:
    out: dict[str, AnyValue] = {}
    for key, item in value.items():
        if budget.nodes <= 0:
            out[NODE_MARK] = True
            break
        out[normalise_key(key)] = _convert(item, budget, depth)
    return out


def _items(value: Sequence[object] | AbstractSet[object], budget: Budget, depth: int) -> AnyValue:
    out: list[AnyValue] = []
    for item in value:
        if budget.nodes <= 0:
            out.append(NODE_MARK)
            break
        out.append(_convert(item, budget, depth))
    return out
