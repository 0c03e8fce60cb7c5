"""The nested groups of settings: limits, redaction, retry."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, ValidationError

from fapilog_otel.encode.plan import Limits
from fapilog_otel.settings import parse
from fapilog_otel.settings.faults import config_error
from fapilog_otel.settings.invalid import InvalidValueError
from fapilog_otel.settings.secret import MASK

_JSON_TEXTS: Final = re.compile(r'\s*\[\s*["\]]')


def _patterns(value: object) -> tuple[str, ...]:
    # A regular expression may well hold a comma or begin with a bracket: a text is one pattern unless it begins as a
    # JSON list of texts does.
    single = isinstance(value, str) and _JSON_TEXTS.match(value) is None
    found = parse.names([value] if single else value)
    for pattern in found:
        try:
            re.compile(pattern)
        except re.error as error:
            remedy = "Give a regular expression that re.compile accepts"
            raise InvalidValueError(f"holds a bad pattern ({error})", remedy, pattern) from error
    return found


def _stays_masked(value: str) -> str:
    if not value:
        raise InvalidValueError("is empty", "Give the text that replaces a masked value")
    return value


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    # Type checkers read the signature off the fields.
    if not TYPE_CHECKING:

        def __init__(self, **values: object) -> None:
            try:
                super().__init__(**values)
            except ValidationError as error:
                raise config_error(error, type(self), {}) from None


class LimitSettings(_Section):
    """Bounds of one record."""

    record_bytes: Annotated[int, BeforeValidator(parse.size)] = Field(
        default=262_144,
        ge=1024,
        description="Encoded size of a record, bytes; what is longer is cut in the middle and marked.",
    )
    attributes: int = Field(default=128, ge=0, description="Attributes a record; those beyond are dropped and counted.")
    value_length: int | None = Field(
        default=None, ge=0, description="Characters of a text value, bytes of a bytes value; none: unbounded."
    )
    depth: int = Field(default=16, ge=1, description="Nesting of lists and mappings, levels.")
    nodes: int = Field(default=4096, ge=1, description="Values a record, nested ones included.")

    def as_limits(self) -> Limits:
        """Give these bounds in the form that the encoders take."""
        return Limits(self.record_bytes, self.attributes, self.value_length, self.depth, self.nodes)


class RedactionSettings(_Section):
    """What is hidden in records, beside the built-in keys and patterns."""

    enabled: bool = Field(default=True, description="Whether records are redacted at all.")
    mask: Annotated[str, AfterValidator(_stays_masked)] = Field(
        default=MASK, description="Text that replaces a masked value."
    )
    keys: Annotated[Sequence[str], PlainValidator(parse.names)] = Field(
        default=(), description="Further attribute keys whose values are masked."
    )
    patterns: Annotated[Sequence[str], PlainValidator(_patterns)] = Field(
        default=(), description="Further regular expressions; what they match in texts is masked."
    )
    allow: Annotated[Sequence[str], PlainValidator(parse.names)] = Field(
        default=(), description="Attribute keys that are never masked by their name."
    )


class CorrelationSettings(_Section):
    """Trace context on stdlib records, for what their handlers print."""

    enabled: bool = Field(default=False, description="Whether records get otelTraceID and its like.")
    format: str | None = Field(
        default=None, description="Format that basicConfig is given. Default: that of OpenTelemetry's instrumentation."
    )
    level: str | None = Field(default=None, description="Root level that basicConfig sets. Default: INFO.")


class RetrySettings(_Section):
    """The exponential backoff between attempts to deliver a request (OTLP specification, "Failures")."""

    initial: float = Field(default=0.5, gt=0, allow_inf_nan=False, description="First wait, seconds.")
    maximum: float = Field(default=30.0, gt=0, allow_inf_nan=False, description="Longest wait, seconds.")
    multiplier: float = Field(default=1.5, ge=1, allow_inf_nan=False, description="Factor from one wait to the next.")
    jitter: float = Field(default=0.5, ge=0, le=1, description="Share of a wait that is random, 0 to 1.")
    retry_after_cap: float = Field(
        default=120.0, ge=0, allow_inf_nan=False, description="Longest wait that a server may ask for, seconds."
    )


class BreakerSettings(_Section):
    """The circuit breaker of each destination: holds all its requests back while it keeps failing."""

    enabled: bool = Field(default=False, description="Whether there is one.")
    failures: int = Field(default=5, ge=1, description="Failed attempts in a row that open the circuit.")
    open_for: float = Field(
        default=30.0, gt=0, allow_inf_nan=False, description="Time until one request probes the destination, seconds."
    )
