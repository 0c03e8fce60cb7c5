"""What is delivered where: settings to one configuration a destination.

An OTLP destination without an endpoint of its own is the configured one and takes every transport setting that it
does not give itself. One with its own endpoint takes nothing that is a credential or a TLS setting: credentials never
follow to another host.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from fapilog_otel.contracts import Exporter
from fapilog_otel.settings import parse
from fapilog_otel.settings.describe import shown
from fapilog_otel.settings.endpoint import (
    PROTOCOLS,
    Protocol,
    as_protocol,
    check_endpoint,
    resolve,
)
from fapilog_otel.settings.exporter_names import NONE, OTLP_ALIASES, OTLP_GRPC, OTLP_HTTP, check_exporter_type, is_otlp
from fapilog_otel.settings.faults import SECRET_SETTINGS
from fapilog_otel.settings.invalid import InvalidValueError
from fapilog_otel.settings.secret import MASK

if TYPE_CHECKING:
    from fapilog_otel.settings.root import Settings

Destination: TypeAlias = Mapping[str, object] | Exporter

_EVERY_OTLP: Final = ("timeout", "compression", "max_in_flight", "refuse_plaintext_credentials")
_SAME_HOST: Final = ("headers", "headers_file", "insecure", "certificate", "client_certificate", "client_key")
_TRUE: Final = frozenset({"true", "1", "yes", "on"})
_FALSE: Final = frozenset({"false", "0", "no", "off"})


def check_exporters(value: object) -> dict[str, Destination]:
    """Give destinations by name, each an `Exporter` or a configuration with ``type`` filled in and common keys checked.

    Raises:
        InvalidValueError: An exporter is not installed, an instance is no exporter, or a common key has a bad value.
    """
    is_json = isinstance(value, str) and value.lstrip().startswith("{")
    if not is_json and not isinstance(value, Mapping):
        remedy = "Give a mapping of destination name to configuration, {'console': {}}; in a variable, as JSON"
        raise InvalidValueError("is not a mapping of destinations", remedy, MASK)
    return {name: _check_destination(name, item) for name, item in parse.mapping(value).items()}


def _check_destination(name: str, item: object) -> Destination:
    if isinstance(item, Mapping):
        return _check_config(name, _text_keys(name, item))
    if isinstance(item, Exporter):
        return item
    remedy = (
        "Give a configuration mapping or an Exporter; an SDK exporter goes into {'type': 'sdk_adapter', 'exporter': …}"
    )
    raise InvalidValueError(f"is a {type(item).__name__}", remedy, type(item).__name__, name)


_COMMON: Final = {
    "headers": parse.headers,
    "headers_file": parse.existing_file,
    "certificate": parse.pem,
    "client_certificate": parse.pem,
    "client_key": parse.private_pem,
    "endpoint": check_endpoint,
}


def _check_config(name: str, config: dict[str, Any]) -> dict[str, object]:
    kind = _check_type(name, config)
    checks: dict[str, Any] = {"level": parse.level, "optional": _boolean, "max_request_size": _request_size}
    if is_otlp(kind):
        checks.update(_COMMON)
    for key, check in checks.items():
        if config.get(key) is not None:
            config[key] = _checked(name, key, check, config[key])
    return config


def _text_keys(name: str, config: Mapping[Any, Any]) -> dict[str, Any]:
    try:
        return parse.mapping(config)
    except InvalidValueError as error:
        raise InvalidValueError(error.problem, error.remedy, error.shown, name) from error


def _check_type(name: str, config: dict[str, Any]) -> str:
    """Give the exporter's name, which is the destination's own where the configuration has none."""
    kind = config.get("type", name)
    if not isinstance(kind, str):
        raise InvalidValueError("is no name", "Give the name of an exporter", kind, f"{name}.type")
    try:
        check_exporter_type(kind)
    except InvalidValueError as error:
        if "type" in config:
            raise InvalidValueError(error.problem, error.remedy, kind, f"{name}.type") from error
        near = get_close_matches("type", config, n=1)
        remedy = f"Did you mean 'type' where {near[0]!r} stands?" if near else f"Add a type. {error.remedy}"
        raise InvalidValueError(
            f"has no type, and {name!r} names no installed exporter", remedy, sorted(config), name
        ) from error
    config["type"] = kind
    return kind


def _checked(name: str, key: str, check: Any, value: object) -> object:
    try:
        result: object = check(value)
    except InvalidValueError as error:
        told = error.shown if error.shown is not None else shown_value(key, value)
        raise InvalidValueError(error.problem, error.remedy, told, f"{name}.{key}") from error
    return result


def shown_value(key: str, value: object) -> object:
    """Give the value of a destination's key as an error may show it."""
    if key in SECRET_SETTINGS:
        return MASK
    return value if value is None or isinstance(value, bool | int | float) else shown(key, value)


def _boolean(value: object) -> bool:
    text = str(value).lower()
    if text not in _TRUE | _FALSE:
        raise InvalidValueError("is not a boolean", "Use true or false")
    return text in _TRUE


def _request_size(value: object) -> int | None:
    size = parse.size(value)
    if isinstance(value, str) and value.lower() == NONE:
        return None
    if isinstance(size, bool) or not isinstance(size, int) or size < 1024:
        raise InvalidValueError("is not a size", "Give bytes, 1024 or more")
    return size


def destinations(settings: Settings) -> dict[str, dict[str, object] | Exporter]:
    """Give every destination's configuration by name, endpoints resolved.

    Returns:
        Exporter instances as they were given; else a mapping with ``type`` (name of the entry point), the exporter's
        own keys and, where given, the common keys ``optional``, ``level`` and ``max_request_size`` (bytes).

    Raises:
        InvalidValueError: An endpoint does not suit its protocol.
    """
    if settings.exporters is not None:
        return {name: _configured(settings, name, item) for name, item in settings.exporters.items()}
    selected = settings.logs_exporter or ("otlp",)
    return {_name(kind): _configured(settings, kind, {"type": kind}) for kind in selected if kind != NONE}


def _name(kind: str) -> str:
    return "otlp" if kind in OTLP_ALIASES else kind


def _configured(settings: Settings, name: str, item: Destination) -> dict[str, object] | Exporter:
    if not isinstance(item, Mapping):
        return item
    own = dict(item)
    kind = own["type"]
    if not isinstance(kind, str) or not is_otlp(kind):
        return own
    protocol = _protocol(settings, name, kind, own.pop("protocol", None))
    config: dict[str, object] = {"type": OTLP_GRPC if protocol == "grpc" else OTLP_HTTP}
    if protocol != "grpc":
        config["protocol"] = protocol
    inherited = _EVERY_OTLP if "endpoint" in own else (*_EVERY_OTLP, *_SAME_HOST)
    config.update({key: getattr(settings, key) for key in inherited if getattr(settings, key) is not None})
    config.update({key: value for key, value in own.items() if key != "type"})
    config["endpoint"] = _endpoint(settings, name, own, protocol)
    return config


def _endpoint(settings: Settings, name: str, own: Mapping[str, object], protocol: Protocol) -> str:
    given = own.get("endpoint")
    if given is None:
        return settings.endpoint_for(protocol)
    given_insecure = own.get("insecure")
    insecure = None if given_insecure is None else bool(_checked(name, "insecure", _boolean, given_insecure))
    return str(_checked(name, "endpoint", partial(resolve, protocol, insecure=insecure), str(given)))


def _protocol(settings: Settings, name: str, kind: str, own: object) -> Protocol:
    asked = as_protocol(own)
    if own is not None and asked is None:
        raise InvalidValueError("is unknown", f"Use one of {', '.join(PROTOCOLS)}", own, f"{name}.protocol")
    insists = OTLP_ALIASES.get(kind)
    if kind == OTLP_GRPC or insists == "grpc":
        fixed: tuple[Protocol, ...] = ("grpc",)
    elif kind == OTLP_HTTP or insists is not None:
        fixed = ("http/protobuf", "http/json")
    else:
        fixed = PROTOCOLS
    if asked is not None and asked not in fixed:
        raise InvalidValueError(f"does not suit its type {kind!r}", f"Use {fixed[0]!r}", own, f"{name}.protocol")
    configured = settings.protocol
    return asked or (configured if configured in fixed else fixed[0])
