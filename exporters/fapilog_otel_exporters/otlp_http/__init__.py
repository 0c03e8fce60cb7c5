"""OTLP over HTTP/1.1, protobuf or JSON, with a client of our own (docs/design/http-client.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fapilog_otel_exporters._factory import Factory

if TYPE_CHECKING:
    from fapilog_otel.contracts.exporter import Exporter
    from fapilog_otel_exporters.otlp_http._settings import OtlpHttpSettings


def _load_model() -> type[OtlpHttpSettings]:
    from fapilog_otel_exporters.otlp_http._settings import OtlpHttpSettings

    return OtlpHttpSettings


def _build(settings: OtlpHttpSettings) -> Exporter:
    from fapilog_otel_exporters.otlp_http._settings import build

    return build(settings)


factory: Factory[OtlpHttpSettings] = Factory("otlp_http", _load_model, _build)

__all__ = ["factory"]
