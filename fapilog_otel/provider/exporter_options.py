"""The exporter face's arguments, in the stock classes' words, become settings and one destination's configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from fapilog_otel.errors import ConfigError
from fapilog_otel.provider.processor import resolved_settings

if TYPE_CHECKING:
    from fapilog_otel.settings import Settings

_UNBOUNDED: Final = 1 << 31
_TRANSPORT: Final = (
    "headers",
    "headers_file",
    "timeout",
    "compression",
    "insecure",
    "certificate",
    "client_certificate",
    "client_key",
    "refuse_plaintext_credentials",
)
_NO_COMPRESSION: Final = frozenset({"nocompression", "no_compression", "none"})


@dataclass(frozen=True, slots=True)
class ExporterOptions:
    """What an exporter face works with.

    Args:
        settings: Everything resolved.
        destination: Type and keys of its one destination.
        max_request_size: Bytes of a request before compression.
        strict_size: Whether a single record above that is refused and not sent alone.
    """

    settings: Settings
    destination: Mapping[str, object] = field(repr=False)  # credentials in its URL
    max_request_size: int
    strict_size: bool

    @property
    def component_type(self) -> str:
        """``otel.component.type`` of the exporter (semantic conventions, "SDK metrics")."""
        names = {"grpc": "otlp_grpc_log_exporter", "http/json": "otlp_http_json_log_exporter"}
        return names.get(self.settings.protocol, "otlp_http_log_exporter")


def read_options(
    given: dict[str, Any], max_request_size: int | None, channel_options: Any, settings: Settings | None
) -> ExporterOptions:
    """Give the options that an exporter's arguments make.

    Args:
        given: Arguments by the names of our settings, as the caller gave them; None: not given.
        max_request_size: Bytes; 0 or less: no bound; None: from the settings.
        channel_options: gRPC channel options, as pairs or a mapping.
        settings: The ``settings`` argument.

    Raises:
        ConfigError: A value cannot be used.
    """
    given["headers"] = _headers(given.get("headers"))
    given["compression"] = _compression(given.get("compression"))
    resolved = resolved_settings(given, settings)
    bound = resolved.max_request_size if max_request_size is None else _size(max_request_size)
    return ExporterOptions(
        resolved,
        _destination(resolved, given.get("endpoint"), channel_options),
        bound or _UNBOUNDED,
        strict_size=max_request_size is not None,
    )


def refuse(remedy: str, **arguments: object) -> None:
    """Refuse arguments of the stock classes that cannot be honoured.

    Raises:
        ConfigError: One of them was given.
    """
    for name, value in arguments.items():
        if value is not None:
            raise ConfigError(name, type(value).__name__, "it cannot be honoured", f"Leave it out; {remedy}")


def _size(value: int) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ConfigError("max_request_size", value, "it is not a number of bytes", "Give an int; 0 means no bound")
    return value if value > 0 else None


def _headers(value: Any) -> Any:
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        try:
            return dict(value)
        except (TypeError, ValueError):
            raise ConfigError("headers", "***", "they are not pairs", "Give a mapping or (name, value) pairs") from None
    return value


def _compression(value: Any) -> object:
    """Give a compression as text; the stock enums of the HTTP and gRPC exporters are understood."""
    if value is None or isinstance(value, str):
        return value
    inner = getattr(value, "value", value)
    name = (inner if isinstance(inner, str) else str(getattr(value, "name", value))).lower()
    return "none" if name in _NO_COMPRESSION else name


def _destination(settings: Settings, endpoint: str | None, channel_options: Any) -> dict[str, object]:
    is_grpc = settings.protocol == "grpc"
    resolved = settings.endpoint_for(settings.protocol)
    config: dict[str, object] = {
        "type": "otlp_grpc" if is_grpc else "otlp_http",
        "endpoint": resolved if is_grpc or endpoint is None else endpoint,  # in code it is the whole URL already
    }
    if not is_grpc:
        config["protocol"] = settings.protocol
    config.update({name: getattr(settings, name) for name in _TRANSPORT if getattr(settings, name) is not None})
    if channel_options is not None:
        if not is_grpc:
            remedy = "Set protocol='grpc', or leave them out"
            raise ConfigError("channel_options", channel_options, "they are gRPC's", remedy)
        config["channel_options"] = dict(channel_options)
    return config
