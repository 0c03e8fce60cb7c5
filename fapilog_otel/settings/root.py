"""The settings: every field with its default, unit and meaning; resolved once, each value knowing its origin."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from types import NoneType
from typing import TYPE_CHECKING, Annotated, Final, Literal, get_args

from pydantic import (
    BeforeValidator,
    Field,
    FieldSerializationInfo,
    PlainValidator,
    PrivateAttr,
    ValidationError,
    field_serializer,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from fapilog_otel.errors import ConfigError
from fapilog_otel.model.severity import parse_level
from fapilog_otel.settings import fields, parse
from fapilog_otel.settings.checks import check, check_exclusive, fit_endpoint
from fapilog_otel.settings.describe import SettingLine, describe, masked
from fapilog_otel.settings.destinations import Destination, check_exporters, destinations
from fapilog_otel.settings.endpoint import Protocol, resolve
from fapilog_otel.settings.exporter_names import check_logs_exporter
from fapilog_otel.settings.fapilog_env import PREFIX, read_fapilog_env
from fapilog_otel.settings.faults import config_error, section_model
from fapilog_otel.settings.invalid import suggest
from fapilog_otel.settings.layers import DEFAULT, Entry, Shape, argument_layer, merge, nest
from fapilog_otel.settings.otel_env import LOGS_ENDPOINT, Remark, read_otel_env
from fapilog_otel.settings.presets import Preset, preset_layer
from fapilog_otel.settings.sections import (
    BreakerSettings,
    CorrelationSettings,
    LimitSettings,
    RedactionSettings,
    RetrySettings,
)

if TYPE_CHECKING:
    from fapilog_otel.contracts import Exporter

_KIB: Final = 1024
_MIB: Final = 1024 * 1024

# For these None is a value of its own and not "not given".
MEANINGFUL_NONE: Final = frozenset({"max_request_size"})


class Settings(BaseSettings):
    """All settings, resolved: an explicit argument goes before the environment, the preset and the default.

    Built directly it reads the environment just as ``configure()`` does. Two are equal when all values are.

    Args:
        **arguments: Any field by name; None means "not given" but for ``max_request_size``.

    Raises:
        ConfigError: An argument or a ``FAPILOG_OTEL_*`` variable is unknown or cannot be used.
    """

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", arbitrary_types_allowed=True, hide_input_in_errors=True, env_prefix=PREFIX
    )

    endpoint: fields.Endpoint = Field(
        default=None,
        description="Base URL of the receiver; /v1/logs is appended. Default: localhost, port 4318, or 4317 for grpc.",
    )
    protocol: Protocol = Field(default="http/protobuf", description="OTLP protocol: http/protobuf, http/json or grpc.")
    headers: fields.RequestHeaders = Field(
        default=None, description="Request headers: a mapping, a callable that returns one, or key=value,key2=value2."
    )
    headers_file: fields.ReadableFile = Field(
        default=None, description="File with one header a line, name: value or name=value, read again when it changes."
    )
    timeout: fields.PositiveSeconds = Field(
        default=10.0, description="Deadline of one attempt to send a request, connect to last byte, seconds."
    )
    compression: Literal["none", "gzip", "deflate"] = Field(
        default="none", description="Compression of requests: none, gzip or deflate."
    )
    insecure: bool | None = Field(
        default=None, description="For a grpc endpoint without a scheme: true means plaintext. A scheme always wins."
    )
    certificate: fields.Certificate = Field(
        default=None, description="Certificates to trust: path of a PEM file, or PEM bytes. Default: the system's."
    )
    client_certificate: fields.Certificate = Field(
        default=None, description="Client certificate chain for mTLS: path of a PEM file, or PEM bytes."
    )
    client_key: fields.PrivateKey = Field(
        default=None, description="Private key of the client certificate: path of a PEM file, or PEM bytes."
    )
    refuse_plaintext_credentials: bool = Field(
        default=False, description="Refuse to send credentials without TLS to another machine, not merely warn."
    )

    service_name: Annotated[str, Field(min_length=1)] | None = Field(
        default=None, description="The resource attribute service.name."
    )
    resource: fields.Attributes = Field(
        default_factory=dict, description="Resource attributes, before those that are detected."
    )
    attributes: fields.Attributes = Field(
        default_factory=dict, description="Attributes of every record; a record's own win."
    )

    level: fields.Level = Field(
        default=None,
        description="Level below which nothing is submitted. Default: INFO, and the application's own for stdlib.",
    )
    levels: fields.Levels = Field(
        default_factory=dict, description="Levels by logger name, before level and the application's own."
    )
    sample: Annotated[float, Field(ge=0, le=1)] | None = Field(
        default=None, description="Share of traces whose records below ERROR are kept, 0 to 1. Default: all."
    )
    preset: Preset | None = Field(
        default=None,
        description="A named set of values below the environment: dev, production, minimal, serverless, hardened.",
    )

    sources: fields.Sources = Field(
        default=("stdlib",), description="Logging libraries to connect, by name or as Source objects."
    )
    stages: fields.Stages = Field(
        default=(),
        description="Further stages, after the default ones of their phase: names, mappings with name, or objects.",
    )
    without: fields.Names = Field(default=(), description="Default stages to leave out, by name.")
    plugins: fields.Names = Field(
        default=(), description="Third-party plugins that may be loaded, by plugin or distribution name."
    )
    exporters: Annotated[Mapping[str, Destination] | None, PlainValidator(fields.optional(check_exporters))] = Field(
        default=None,
        description="Destinations: name to an Exporter or to a mapping with type and the exporter's own keys.",
    )
    logs_exporter: Annotated[Sequence[str] | None, PlainValidator(fields.optional(check_logs_exporter))] = Field(
        default=None,
        description="Exporters by name where exporters is not given: otlp, console, … or none. Default: otlp.",
    )

    strict: bool = Field(
        default=False, description="Whether a bad OTEL_* variable is an error and not merely a warning."
    )
    disabled: bool = Field(default=False, description="Whether to do nothing at all.")
    install_hooks: bool = Field(
        default=True, description="Whether to register for exit and fork, so that nothing is lost there."
    )
    handle_sigterm: bool = Field(
        default=True, description="Whether to flush on SIGTERM where the application has no handler of its own."
    )
    integrations: bool = Field(
        default=True, description="Whether known servers and Celery are hooked, so that access records have a trace."
    )
    capture_uncaught: bool = Field(
        default=False, description="Whether uncaught exceptions and warnings become records. On under run."
    )
    baggage: fields.Names = Field(default=(), description="Keys of OpenTelemetry baggage that become attributes.")
    code_attributes: bool = Field(
        default=False, description="Whether stdlib records carry code.file.path, .line and .function."
    )
    fast_stdlib: bool = Field(
        default=True, description="Whether stdlib calls whose record nobody else needs go straight to the encoder."
    )

    on_full: Literal["drop", "block", "spill"] = Field(
        default="drop",
        description="When a destination's queue is full: drop the lowest severity first, block, or spill to the spool.",
    )
    block_timeout: fields.Seconds = Field(
        default=1.0, description="Longest wait of a call under on_full=block, seconds."
    )
    max_queue_bytes: fields.Size = Field(
        default=64 * _MIB, ge=64 * _KIB, description="Memory that a destination's waiting records may take, bytes."
    )
    max_queue_size: Annotated[int, Field(gt=0)] | None = Field(
        default=None, description="Records that may wait for a destination. Default: no bound but max_queue_bytes."
    )
    max_export_batch_size: Annotated[int, Field(gt=0)] | None = Field(
        default=None, description="Records a request. Default: no bound but max_request_size."
    )
    chunk_size: fields.Size = Field(
        default=256 * _KIB, ge=4 * _KIB, description="Size of the buffers that records are encoded into, bytes."
    )
    max_request_size: Annotated[int, BeforeValidator(parse.size), Field(ge=_KIB)] | None = Field(
        default=256 * _KIB,
        description="Size of a request before compression, bytes; none: no bound. Not set: 1 MiB for gRPC.",
    )
    max_in_flight: Annotated[int, Field(gt=0)] | None = Field(
        default=None, description="Requests under way at once to a destination. Default: the exporter's own."
    )
    schedule_delay: fields.PositiveSeconds = Field(
        default=1.0, description="Longest time that a record waits for others before it is sent, seconds."
    )
    flush_timeout: fields.PositiveSeconds = Field(
        default=30.0,
        description="Default deadline of the faces' force_flush, seconds; handle.flush() has shutdown_timeout.",
    )
    shutdown_timeout: fields.Seconds = Field(
        default=5.0, description="Time that shutdown and handle.flush() have to deliver what is waiting, seconds."
    )
    spool: fields.Directory = Field(
        default=None, description="Directory of the durable spool, where requests outlive the process. Default: none."
    )
    spool_max_bytes: fields.Size = Field(
        default=1024 * _MIB, ge=_MIB, description="Disk that the spool of one process may take, bytes."
    )

    limits: LimitSettings = Field(default_factory=LimitSettings, description="Bounds of one record.")
    redaction: RedactionSettings = Field(default_factory=RedactionSettings, description="What is hidden in records.")
    retry: RetrySettings = Field(default_factory=RetrySettings, description="The backoff between attempts.")
    breaker: BreakerSettings = Field(default_factory=BreakerSettings, description="The circuit breaker.")
    correlation: CorrelationSettings = Field(
        default_factory=CorrelationSettings, description="Trace ids in local text."
    )

    _entries: dict[str, Entry] = PrivateAttr(default_factory=dict)
    _arguments: dict[str, object] = PrivateAttr(default_factory=dict)
    _environ: dict[str, str] = PrivateAttr(default_factory=dict)
    _warnings: tuple[str, ...] = PrivateAttr(default=())

    # Type checkers read the signature off the fields.
    if not TYPE_CHECKING:

        def __init__(self, *, _environ: Mapping[str, str] | None = None, **arguments: object) -> None:
            environ = _relevant(os.environ if _environ is None else _environ)
            entries, remarks = _resolve(arguments, environ)
            try:
                super().__init__(**nest(entries))
            except ValidationError as error:
                raise config_error(error, type(self), entries) from None
            self._entries, self._arguments, self._environ = entries, arguments, environ
            self._warnings = check(self, entries, remarks)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is pydantic-settings' own
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Give the only source: the layers are ranked before, because each value must know its origin."""
        return (init_settings,)

    @classmethod
    def from_fapilog(cls, settings: object, /, **arguments: object) -> Settings:
        """Give our settings for what a ``fapilog.Settings`` sets; `warnings` names what has no counterpart here."""
        from fapilog_otel.settings.from_fapilog import carried_over  # noqa: PLC0415 - only for those who come from it

        found, remarks = carried_over(settings)
        from fapilog_otel.settings.loading import load_settings  # noqa: PLC0415 - it needs this module

        made = load_settings({**found, **arguments})
        made._warnings += remarks  # noqa: SLF001 - same class
        return made

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the user should be told once about ``OTEL_*`` variables."""
        return self._warnings

    @property
    def level_number(self) -> int | None:
        """The severity number of `level`; None: no level is set."""
        return None if self.level is None else parse_level(self.level)

    @property
    def level_numbers(self) -> dict[str, int]:
        """The severity numbers of `levels`, by logger name."""
        return {name: parse_level(level) for name, level in self.levels.items()}

    def origin(self, name: str) -> str:
        """Tell where a value came from.

        Args:
            name: Dotted name of a setting, ``timeout`` or ``limits.depth``.

        Returns:
            ``argument``, ``environment NAME``, ``preset NAME`` or ``default``.

        Raises:
            ConfigError: There is no such setting.
        """
        entry = self._entries.get(name)
        if entry is not None:
            return entry.origin
        known = shape_of_settings().paths()
        if name not in known:
            raise ConfigError(name, "***", "there is no such setting", suggest(name, known))
        return DEFAULT

    def describe(self) -> list[SettingLine]:
        """Give every setting as (name, shown value, origin), credentials masked."""
        return describe(self, self._environ)

    def logs_endpoint(self) -> tuple[Protocol, str]:
        """Give the protocol and the URL that requests of the configured OTLP destination go to."""
        return self.protocol, self.endpoint_for(self.protocol)

    def endpoint_for(self, protocol: Protocol) -> str:
        """Give the URL that requests go to when the configured endpoint is spoken to by a protocol.

        Raises:
            InvalidValueError: The endpoint does not suit the protocol; never for the configured one.
        """
        return resolve(protocol, self.endpoint, insecure=self.insecure, exact=self._exact_endpoint())

    def destinations(self) -> dict[str, dict[str, object] | Exporter]:
        """Give every destination by name: an exporter as it was given, or its configuration.

        Returns:
            A configuration holds ``type`` (name of the exporter's entry point), the exporter's own keys and, where
            given, the keys common to all: ``optional``, ``level`` and ``max_request_size`` (bytes). Endpoints are
            resolved. Empty for ``OTEL_LOGS_EXPORTER=none``.
        """
        return destinations(self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Settings):
            return NotImplemented
        same_values = all(getattr(self, name) == getattr(other, name) for name in type(self).model_fields)
        return same_values and self._exact_endpoint() == other._exact_endpoint()

    __hash__ = None  # type: ignore[assignment]  # mappings inside

    def __repr_args__(self) -> Iterator[tuple[str, str]]:
        """Give what ``repr`` shows: values that are not defaults, credentials masked."""
        return ((line.name, line.value) for line in self.describe() if line.origin != DEFAULT)

    @field_serializer("*")
    def _dumped(self, value: object, info: FieldSerializationInfo) -> object:
        """Give what ``model_dump`` and ``model_dump_json`` hold: as ``repr``, credentials masked."""
        return masked(info.field_name, value)

    def _exact_endpoint(self) -> bool:
        return self.origin("endpoint") == f"environment {LOGS_ENDPOINT}"


def _relevant(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in environ.items() if name.startswith((PREFIX, "OTEL_"))}


def _resolve(arguments: Mapping[str, object], environ: Mapping[str, str]) -> tuple[dict[str, Entry], list[Remark]]:
    shape = shape_of_settings()
    explicit = argument_layer(arguments, shape, MEANINGFUL_NONE)
    ours = read_fapilog_env(environ, shape)
    if "endpoint" in explicit:
        ours.pop("exporters", None)
    standard, remarks = read_otel_env(environ)
    preset = merge(explicit, ours).get("preset")
    entries = merge(explicit, ours, standard, preset_layer(preset.value if preset is not None else None))
    check_exclusive(entries)
    fit_endpoint(entries, remarks)
    return entries, remarks


@lru_cache(maxsize=1)
def shape_of_settings() -> Shape:
    """Give the names of all settings, and which of them are sections or may be None."""
    sections: dict[str, frozenset[str]] = {}
    nullable: set[str] = set()
    for name, field in Settings.model_fields.items():
        section = section_model(field.annotation)
        if section is not None:
            sections[name] = frozenset(section.model_fields)
            nullable |= {
                f"{name}.{key}" for key, inner in section.model_fields.items() if NoneType in get_args(inner.annotation)
            }
        elif NoneType in get_args(field.annotation):
            nullable.add(name)
    return Shape(frozenset(Settings.model_fields) - set(sections), sections, frozenset(nullable))
