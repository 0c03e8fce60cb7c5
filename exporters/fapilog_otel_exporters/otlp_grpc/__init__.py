"""OTLP over gRPC. Importing this is cheap: grpc is imported when the factory makes an exporter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fapilog_otel_exporters._factory import Factory

if TYPE_CHECKING:
    from fapilog_otel.contracts.exporter import Exporter
    from fapilog_otel_exporters.otlp_grpc._settings import OtlpGrpcSettings


def _load_model() -> type[OtlpGrpcSettings]:
    from fapilog_otel_exporters.otlp_grpc._settings import OtlpGrpcSettings

    return OtlpGrpcSettings


def _build(settings: OtlpGrpcSettings) -> Exporter:
    from fapilog_otel_exporters.otlp_grpc._settings import build

    return build(settings)


factory: Factory[OtlpGrpcSettings] = Factory("otlp_grpc", _load_model, _build)

__all__ = ["factory"]
