"""The types of the fields: what a type checker sees, and the function of `parse` that makes the value."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, TypeAlias, TypeVar

from pydantic import BeforeValidator, Field, PlainValidator

from fapilog_otel.contracts import Source, Stage
from fapilog_otel.settings import parse
from fapilog_otel.settings.endpoint import check_endpoint
from fapilog_otel.settings.invalid import InvalidValueError

T = TypeVar("T")


def optional(read: Callable[[object], T]) -> Callable[[object], T | None]:
    """Give a validator that lets None pass and hands everything else on."""

    def read_optional(value: object) -> T | None:
        return None if value is None else read(value)

    return read_optional


def sources(value: object) -> tuple[object, ...]:
    """Give sources, each a name or an object with ``install``."""
    found = parse.items(value)
    for item in found:
        if not isinstance(item, str) and not hasattr(item, "install"):
            raise InvalidValueError(
                f"holds a {type(item).__name__}, which is no source", "Give names or Source objects"
            )
    return found


def stages(value: object) -> tuple[object, ...]:
    """Give stages: names, mappings with ``name`` and options, or callables with ``name``, ``phase`` and ``inline``."""
    found = parse.items(value)
    for item in found:
        if not isinstance(item, str | Mapping | Stage):
            remedy = "Give names, mappings with a name, or callables with the attributes name, phase and inline"
            raise InvalidValueError(f"holds a {type(item).__name__}, which is no stage", remedy)
    return found


def attributes(value: object) -> dict[str, Any]:
    """Give attributes from a mapping, from ``key=value,…`` or from an SDK resource."""
    inner = getattr(value, "attributes", value)
    return parse.mapping(inner if isinstance(inner, Mapping) else value)


Seconds: TypeAlias = Annotated[float, Field(ge=0, allow_inf_nan=False)]
PositiveSeconds: TypeAlias = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Size: TypeAlias = Annotated[int, BeforeValidator(parse.size)]
Names: TypeAlias = Annotated[Sequence[str], PlainValidator(parse.names)]
Stages: TypeAlias = Annotated[Sequence[Stage | str | Mapping[str, object]], PlainValidator(stages)]
Sources: TypeAlias = Annotated[Sequence[Source | str], PlainValidator(sources)]
Attributes: TypeAlias = Annotated[Mapping[str, Any], PlainValidator(attributes)]
Level: TypeAlias = Annotated[str | int | None, PlainValidator(optional(parse.level))]
Levels: TypeAlias = Annotated[Mapping[str, str | int], PlainValidator(parse.levels)]
Endpoint: TypeAlias = Annotated[str | None, PlainValidator(optional(check_endpoint))]
RequestHeaders: TypeAlias = Annotated[
    Mapping[str, str] | Callable[[], Mapping[str, str]] | None, PlainValidator(optional(parse.headers))
]
ReadableFile: TypeAlias = Annotated[str | None, PlainValidator(optional(parse.existing_file))]
Directory: TypeAlias = Annotated[str | None, PlainValidator(optional(parse.directory))]
Certificate: TypeAlias = Annotated[str | bytes | None, PlainValidator(optional(parse.pem))]
PrivateKey: TypeAlias = Annotated[str | bytes | None, PlainValidator(optional(parse.private_pem))]
