"""The settings of an OTLP/gRPC destination."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from fapilog_otel_exporters._otlp_settings import OtlpSettings, Seconds
from fapilog_otel_exporters.otlp_grpc._exporter import DEFAULT_ENDPOINT, OtlpGrpcExporter


class OtlpGrpcSettings(OtlpSettings):
    """Settings of a destination of type ``otlp_grpc``."""

    endpoint: str = Field(default=DEFAULT_ENDPOINT, repr=False, description="a URL such as http://localhost:4317")
    protocol: Literal["grpc"] = Field(default="grpc", description="'grpc'")
    max_in_flight: int = Field(default=8, ge=1, le=64, description="a number from 1 to 64")
    keepalive_time: Seconds | None = Field(default=None, description="seconds, more than 0, or none")
    keepalive_timeout: Seconds = Field(default=20.0, description="seconds, more than 0")
    channel_options: dict[str, int | str] = Field(
        default_factory=dict, description="a mapping of gRPC channel options to numbers or texts"
    )


def build(settings: OtlpGrpcSettings) -> OtlpGrpcExporter:
    """Make the exporter."""
    return OtlpGrpcExporter(
        settings.endpoint,
        insecure=settings.insecure,
        headers=settings.headers,
        headers_file=settings.headers_file,
        timeout=settings.timeout,
        compression=settings.compression,
        certificate=settings.certificate,
        client_certificate=settings.client_certificate,
        client_key=settings.client_key,
        max_in_flight=settings.max_in_flight,
        keepalive_time=settings.keepalive_time,
        keepalive_timeout=settings.keepalive_timeout,
        channel_options=tuple(settings.channel_options.items()),
        refuse_plaintext_credentials=settings.refuse_plaintext_credentials,
    )
