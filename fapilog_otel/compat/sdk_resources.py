"""The OpenTelemetry SDK's resources alone: a tenth of what its logs SDK costs to import."""

from __future__ import annotations

from opentelemetry.sdk.resources import Resource, ServiceInstanceIdResourceDetector

__all__ = ["Resource", "ServiceInstanceIdResourceDetector"]
