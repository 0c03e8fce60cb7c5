"""The settings that OTLP/HTTP and OTLP/gRPC share; imported by the first `Factory.create`, for Pydantic is slow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from fapilog_otel.settings.invalid import InvalidValueError
from fapilog_otel.settings.parse import headers as checked_headers

Seconds: TypeAlias = Annotated[float, Field(gt=0, allow_inf_nan=False)]


def _headers(value: object) -> object:
    if value is None:
        return None
    try:
        return checked_headers(value)
    except InvalidValueError as error:
        raise ValueError(f"{error.problem}. {error.remedy}") from None


class OtlpSettings(BaseModel):
    """Settings of a destination that speaks OTLP over the network."""

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True, hide_input_in_errors=True)

    headers: Annotated[Mapping[str, str] | Callable[[], Mapping[str, str]] | None, BeforeValidator(_headers)] = Field(
        default=None, repr=False, description="a mapping of header names to values, or a callable that returns one"
    )
    headers_file: Path | None = Field(default=None, description="the path of a file with one 'name: value' a line")
    timeout: Seconds = Field(default=10.0, description="seconds, more than 0")
    compression: Literal["none", "gzip", "deflate"] = Field(default="none", description="'none', 'gzip' or 'deflate'")
    insecure: bool | None = Field(default=None, description="true or false; a scheme in the endpoint decides first")
    certificate: str | Path | bytes | None = Field(default=None, repr=False, description="a path or PEM content")
    client_certificate: str | Path | bytes | None = Field(
        default=None, repr=False, description="a path, or PEM content"
    )
    client_key: str | Path | bytes | None = Field(default=None, repr=False, description="a path or PEM content")
    max_request_size: int | None = Field(default=None, ge=1024, description="bytes, 1024 or more")
    refuse_plaintext_credentials: bool = Field(default=False, description="true or false")
