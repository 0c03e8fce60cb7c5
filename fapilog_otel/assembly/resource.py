"""Resources and scopes: detected by the SDK's own detectors, translated once, kept by reference."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from fapilog_otel.model.anyvalue import AnyValue, normalise, normalise_key
from fapilog_otel.model.scope import Resource, Scope
from fapilog_otel.pipeline import redact_attributes
from fapilog_otel.pipeline.enrich import runtime_info

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fapilog_otel.encode.plan import Redaction

_PID = "process.pid"
_PARENT_PID = "process.parent_pid"
_INSTANCE_ID = "service.instance.id"


def _normalised(attributes: Mapping[Any, Any] | None) -> dict[str, AnyValue]:
    return {normalise_key(key): normalise(value) for key, value in dict(attributes or {}).items()}


def resource_from_sdk(sdk_resource: Any, redaction: Redaction | None = None) -> Resource:
    """Give our form of an SDK resource, without secrets.

    Args:
        sdk_resource: Left as it is; kept as ``origin`` where nothing in it is redacted.
        redaction: What to redact; None: nothing.
    """
    schema_url = getattr(sdk_resource, "schema_url", "") or ""
    given = _normalised(getattr(sdk_resource, "attributes", None))
    attributes = redact_attributes(given, redaction)
    return Resource(attributes, schema_url, sdk_resource if attributes is given else None)


def scope_from_sdk(sdk_scope: Any, resource: Resource, redaction: Redaction | None = None) -> Scope:
    """Give our form of an SDK instrumentation scope, without secrets; None: the empty scope.

    Args:
        sdk_scope: Kept as ``origin`` where nothing in it is redacted.
        resource: Whose logs these are.
        redaction: What to redact in its attributes; None: nothing.
    """
    if sdk_scope is None:
        return Scope(resource=resource)
    given = _normalised(sdk_scope.attributes)
    attributes = redact_attributes(given, redaction)
    return Scope(
        normalise_key(sdk_scope.name or ""),
        normalise_key(sdk_scope.version or ""),
        normalise_key(sdk_scope.schema_url or ""),
        attributes,
        resource=resource,
        origin=sdk_scope if attributes is given else None,
    )


def detect_resource(attributes: Mapping[str, Any] | None = None, service_name: str | None = None) -> Any:
    """Detect the SDK resource of this process: the runtime's facts, the SDK's detectors, then what is given here.

    Args:
        attributes: Resource attributes that win over all detected ones.
        service_name: ``service.name``, over all others.

    Returns:
        An ``opentelemetry.sdk.resources.Resource``.
    """
    from fapilog_otel.compat.sdk_resources import Resource as SdkResource  # noqa: PLC0415 - tens of ms, and only at configure

    given = dict(attributes or {})
    if service_name:
        given["service.name"] = service_name
    facts: dict[str, Any] = dict(runtime_info())
    return SdkResource(facts).merge(SdkResource.create(given))


def named_resource(sdk_resource: Any, service_name: str | None) -> Any:
    """Give an SDK resource under another ``service.name``; the very same object where none is given."""
    from fapilog_otel.compat.sdk_resources import Resource as SdkResource  # noqa: PLC0415 - already loaded by whoever has one

    return sdk_resource.merge(SdkResource({"service.name": service_name})) if service_name else sdk_resource


def detected_instance_id() -> str:
    """Give the ``service.instance.id`` that the SDK detects for this process: one for all its providers."""
    from fapilog_otel.compat.sdk_resources import ServiceInstanceIdResourceDetector  # noqa: PLC0415 - as above

    return str(ServiceInstanceIdResourceDetector().detect().attributes.get(_INSTANCE_ID, ""))


def child_resource(sdk_resource: Any, parents_instance_id: str) -> Any:
    """Give the resource of a forked child.

    Args:
        sdk_resource: The parent's; left as it is.
        parents_instance_id: What the parent detected; a ``service.instance.id`` that the application set is kept.
    """
    from fapilog_otel.compat.sdk_resources import Resource as SdkResource  # noqa: PLC0415 - already loaded by whoever had one

    known = sdk_resource.attributes
    changed: dict[str, Any] = {_PID: os.getpid()}
    if _PARENT_PID in known:
        changed[_PARENT_PID] = os.getppid()
    if known.get(_INSTANCE_ID) == parents_instance_id:
        changed[_INSTANCE_ID] = detected_instance_id()
    return sdk_resource.merge(SdkResource(changed))
