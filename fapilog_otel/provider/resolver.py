"""What loggers ask of their provider: their scope, their level, whether a record is wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fapilog_otel.encode.values import safe_mapping
from fapilog_otel.model.anyvalue import normalise, normalise_key
from fapilog_otel.model.scope import Scope
from fapilog_otel.pipeline import redact_attributes

if TYPE_CHECKING:
    from fapilog_otel.provider.provider import LoggerProvider

_SCOPES_KEPT = 10_000


class Resolver:
    """Tells loggers their scope and level under a provider's present backend."""

    def __init__(self, provider: LoggerProvider) -> None:
        self._provider = provider
        self._scopes: dict[tuple[str, str, str], Scope] = {}

    def __call__(self, logger: Any) -> tuple[Scope, int]:
        """Give a logger's scope and the lowest severity it lets through."""
        return self.scope(logger.scope_key), self._provider.gate_of(logger)

    @property
    def resource(self) -> Any:
        """The provider's SDK resource."""
        return self._provider.resource

    def scope(self, key: tuple[str, str, str, Any]) -> Scope:
        """Give the one scope object of a name, version, schema URL and attributes."""
        name, version, schema_url, attributes = key
        resource = self._provider.wire_resource
        if attributes:
            wire = {normalise_key(name): normalise(value) for name, value in safe_mapping(attributes).items()}
            clean = redact_attributes(wire, self._provider.redaction)
            return Scope(name, version, schema_url, clean, resource=resource)
        found = self._scopes.get((name, version, schema_url))
        if found is None:
            if len(self._scopes) >= _SCOPES_KEPT:
                self._scopes.clear()
            found = self._scopes[name, version, schema_url] = Scope(name, version, schema_url, resource=resource)
        return found

    def forget(self) -> None:
        """Drop the scopes, which name the resource (a forked child has another)."""
        self._scopes.clear()

    def enabled(self, logger: Any, context: Any, severity_number: Any, event_name: str | None) -> bool:
        """Tell whether the pipeline's filters, or an attached processor, would want a record."""
        return self._provider.wanted(logger, context, severity_number, event_name)

    async def await_room(self) -> None:
        """Wait for room under the ``block`` policy, without blocking the loop."""
        await self._provider.await_room()
