"""The settings of an OTLP/HTTP destination."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from fapilog_otel_exporters._otlp_settings import OtlpSettings
from fapilog_otel_exporters.otlp_http._exporter import DEFAULT_ENDPOINT, OtlpHttpExporter


class OtlpHttpSettings(OtlpSettings):
    """Settings of a destination of type ``otlp_http``; the endpoint is taken as it is, nothing is appended."""

    endpoint: str = Field(
        default=DEFAULT_ENDPOINT, repr=False, description="a URL such as http://localhost:4318/v1/logs"
    )
    protocol: Literal["http/protobuf", "http/json"] = Field(
        default="http/protobuf", description="'http/protobuf' or 'http/json'"
    )
    max_in_flight: int = Field(default=4, ge=1, le=256, description="a number from 1 to 256")


def build(settings: OtlpHttpSettings) -> OtlpHttpExporter:
    """Make the exporter; ``insecure`` has nothing to decide, for the endpoint always has a scheme."""
    return OtlpHttpExporter(
        settings.endpoint,
        protocol=settings.protocol,
        headers=settings.headers,
        headers_file=settings.headers_file,
        timeout=settings.timeout,
        compression=settings.compression,
        certificate=settings.certificate,
        client_certificate=settings.client_certificate,
        client_key=settings.client_key,
        max_in_flight=settings.max_in_flight,
        refuse_plaintext_credentials=settings.refuse_plaintext_credentials,
    )
