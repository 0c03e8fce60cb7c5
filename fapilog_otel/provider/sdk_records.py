"""SDK log records in, our fields or values out; the SDK objects are read and never changed or kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fapilog_otel.assembly import resource_from_sdk, scope_from_sdk
from fapilog_otel.encode.log_methods import record_fields
from fapilog_otel.encode.values import safe_mapping
from fapilog_otel.model.record import Record
from fapilog_otel.model.scope import Resource, Scope

if TYPE_CHECKING:
    from fapilog_otel.model.anyvalue import AnyValue

_KEPT = 4096


class ScopeCache:
    """Our scopes for pairs of SDK scope and resource, by identity; both are held, so an identity cannot be reused."""

    __slots__ = ("_resources", "_scopes")

    def __init__(self) -> None:
        self._scopes: dict[tuple[int, int], tuple[Scope, Any, Any]] = {}
        self._resources: dict[int, tuple[Resource, Any]] = {}

    def get(self, sdk_scope: Any, sdk_resource: Any) -> Scope:
        """Give our scope for an SDK scope under an SDK resource."""
        found = self._scopes.get((id(sdk_scope), id(sdk_resource)))
        if found is not None:
            return found[0]
        if len(self._scopes) >= _KEPT:
            self._scopes.clear()
            self._resources.clear()
        known = self._resources.get(id(sdk_resource))
        if known is None:
            known = self._resources[id(sdk_resource)] = (resource_from_sdk(sdk_resource), sdk_resource)
        scope = scope_from_sdk(sdk_scope, known[0])
        self._scopes[id(sdk_scope), id(sdk_resource)] = (scope, sdk_scope, sdk_resource)
        return scope


def record_value(sdk_record: Any, scope: Scope) -> Record:
    """Give an SDK readable (or writable) record as a value; its attributes may still be odd, encoding sorts them out."""
    timestamp, observed, severity, text, body, attributes, ids, _, event_name = record_fields(sdk_record)
    own: dict[Any, AnyValue] = {} if attributes is None else safe_mapping(attributes)  # type: ignore[assignment]
    return Record(
        timestamp=timestamp,
        observed_timestamp=observed,
        severity_number=severity,
        severity_text=text,
        body=body,
        attributes=own,
        dropped_attributes_count=int(getattr(sdk_record, "dropped_attributes", 0) or 0),
        trace_id=ids[0],
        span_id=ids[1],
        trace_flags=ids[2],
        event_name=event_name,
        scope=scope,
    )
