"""Settings become stages, buffer and delivery: what every face and ``configure()`` build with."""

from __future__ import annotations

from fapilog_otel.assembly.build import (
    chain_from,
    configured_exporter,
    destination_for,
    engine_spec,
    exporter_from,
    retry_policy,
)
from fapilog_otel.assembly.gates import LevelGate
from fapilog_otel.assembly.resource import (
    child_resource,
    detect_resource,
    detected_instance_id,
    named_resource,
    resource_from_sdk,
    scope_from_sdk,
)

__all__ = [
    "LevelGate",
    "chain_from",
    "child_resource",
    "configured_exporter",
    "destination_for",
    "detect_resource",
    "detected_instance_id",
    "engine_spec",
    "exporter_from",
    "named_resource",
    "resource_from_sdk",
    "retry_policy",
    "scope_from_sdk",
]
