"""Resource and instrumentation scope: what a record was written by, shared by reference and encoded once."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fapilog_otel.model.anyvalue import AnyValue

_EMPTY: Mapping[str, AnyValue] = MappingProxyType({})


class Resource:
    """The entity that produced the logs (OTLP ``Resource``); compared by value, immutable by convention.

    Args:
        attributes: Resource attributes.
        schema_url: Schema URL of the resource, or empty.
        origin: The SDK resource object this was made from, handed back to SDK exporters.
    """

    __slots__ = ("__weakref__", "attributes", "origin", "schema_url", "wire")

    def __init__(
        self, attributes: Mapping[str, AnyValue] = _EMPTY, schema_url: str = "", origin: object | None = None
    ) -> None:
        self.attributes = attributes
        self.schema_url = schema_url
        self.origin = origin
        self.wire: bytes | None = None  # filled by the encoder on first use

    def __repr__(self) -> str:
        return f"Resource(attributes={dict(self.attributes)!r}, schema_url={self.schema_url!r})"

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Resource):
            return NotImplemented
        return self.schema_url == other.schema_url and dict(self.attributes) == dict(other.attributes)

    def __hash__(self) -> int:
        return hash((self.schema_url, len(self.attributes)))


class Scope:
    """An instrumentation scope together with the resource it reports for.

    Args:
        name: Scope name; for log sources the logger's name.
        version: Scope version, or empty.
        schema_url: Schema URL of the scope's telemetry, or empty.
        attributes: Scope attributes.
        resource: The resource whose logs these are.
        origin: The SDK scope object this was made from, if any.
    """

    __slots__ = ("__weakref__", "attributes", "name", "origin", "resource", "schema_url", "version", "wire")

    def __init__(
        self,
        name: str = "",
        version: str = "",
        schema_url: str = "",
        attributes: Mapping[str, AnyValue] = _EMPTY,
        *,
        resource: Resource | None = None,
        origin: object | None = None,
    ) -> None:
        self.name = name
        self.version = version
        self.schema_url = schema_url
        self.attributes = attributes
        self.resource = resource if resource is not None else Resource()
        self.origin = origin
        self.wire: bytes | None = None  # filled by the encoder on first use

    def with_resource(self, resource: Resource) -> Scope:
        """Give the same scope under another resource (a forked child has its own ``process.pid``)."""
        return Scope(self.name, self.version, self.schema_url, self.attributes, resource=resource, origin=self.origin)

    def __repr__(self) -> str:
        return f"Scope(name={self.name!r}, version={self.version!r})"

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Scope):
            return NotImplemented
        return (self.name, self.version, self.schema_url, dict(self.attributes), self.resource) == (
            other.name,
            other.version,
            other.schema_url,
            dict(other.attributes),
            other.resource,
        )

    def __hash__(self) -> int:
        return hash((self.name, self.version, self.schema_url))
