"""Resources and scopes: detected by the SDK's own detectors, translated once, kept by reference."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from fapilog_otel.model.anyvalue import AnyValue, normalise, normalise_key
from fapilog_otel.model.scope import Resource, Scope
from fapilog_otel.pipeline.enrich import runtime_info

if TYPE_CHECKING:
    from collections.abc import Mapping

_PID = "process.pid"


def _normalised(attributes: Mapping[Any, Any] | None) -> dict[str, AnyValue]:
    return {normalise_key(key): normalise(value) for key, value in dict(attributes or {}).items()}


def resource_from_sdk(sdk_resource: Any) -> Resource:
    """Give our form of an SDK resource, which it keeps as ``origin``."""
    schema_url = getattr(sdk_resource, "schema_url", "") or ""
    return Resource(_normalised(getattr(sdk_resource, "attributes", None)), schema_url, sdk_resource)


def scope_from_sdk(sdk_scope: Any, resource: Resource) -> Scope:
    """Give our form of an SDK instrumentation scope, which it keeps as ``origin``; None: the empty scope."""
    if sdk_scope is None:
        return Scope(resource=resource)
    return Scope(
        normalise_key(sdk_scope.name or ""),
        normalise_key(sdk_scope.version or ""),
        normalise_key(sdk_scope.schema_url or ""),
        _normalised(sdk_scope.attributes),
        resource=resource,
        origin=sdk_scope,
    )


def detect_resource(attributes: Mapping[str, Any] | None = None, service_name: str | None = None) -> Any:
    """Detect the SDK resource of this process: the SDK's detectors, the runtime's facts, then what is given here.

    Args:
        attributes: Resource attributes that win over all detected ones.
        service_name: ``service.name``, over all others.

    Returns:
        An ``opentelemetry.sdk.resources.Resource``.
    """
    from fapilog_otel.compat.sdk import Resource as SdkResource  # noqa: PLC0415 - tens of ms, and only at configure

    given = dict(attributes or {})
    if service_name:
        given["service.name"] = service_name
    facts: dict[str, Any] = dict(runtime_info())
    return SdkResource(facts).merge(SdkResource.create(given))


def child_resource(sdk_resource: Any) -> Any:
    """Give the resource of a forked child: the parent's, with the child's ``process.pid``."""
    from fapilog_otel.compat.sdk import Resource as SdkResource  # noqa: PLC0415 - already loaded by whoever had one

    merge = getattr(sdk_resource, "merge", None)
    return sdk_resource if merge is None else merge(SdkResource({_PID: os.getpid()}))
