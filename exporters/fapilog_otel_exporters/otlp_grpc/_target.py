"""What an endpoint means to gRPC: a target, and whether TLS is used."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from fapilog_otel.errors import ConfigError
from fapilog_otel.settings.secret import mask_url
from fapilog_otel_exporters._http_url import parse_http_url
from fapilog_otel_exporters._plaintext import is_loopback

DEFAULT_PORT: Final = 4317
_UNIX: Final = ("unix:", "unix-abstract:")


@dataclass(frozen=True, slots=True)
class Target:
    """Where calls go.

    Args:
        address: Target in gRPC's own syntax.
        secure: Whether TLS is used.
        local: Whether calls stay on this machine.
        userinfo: User and password, if the endpoint has them.
        shown: The endpoint without anything that may be a credential.
    """

    address: str
    secure: bool
    local: bool
    userinfo: tuple[str, str] | None = field(repr=False)
    shown: str


def parse_target(endpoint: str, insecure: bool | None) -> Target:
    """Take an endpoint apart.

    Args:
        endpoint: ``http://host:4317``, ``https://host``, ``host:4317`` or ``unix:/path``; a bare ``/`` is ignored.
        insecure: For an endpoint without a scheme: True: plaintext, else TLS; a scheme decides by itself (OTLP exporter
            specification, "Insecure"). A Unix socket is plaintext unless this is False.

    Raises:
        ConfigError: It is none of these, or has a path.
    """
    if endpoint.startswith(_UNIX):
        if not endpoint.partition(":")[2].strip("/"):
            raise ConfigError("endpoint", endpoint, "names no socket", "Write unix:/path/to/socket")
        return Target(endpoint, insecure is False, True, None, endpoint)
    scheme = "http" if insecure else "https"
    url = endpoint if "://" in endpoint else f"{scheme}://{endpoint}"
    parts = parse_http_url("endpoint", url, default_port=DEFAULT_PORT)
    if parts.target != "/":
        remedy = f"Write {parts.scheme}://{parts.bracketed}:{parts.port}, or use protocol http/protobuf"
        raise ConfigError("endpoint", mask_url(endpoint), "has a path, which gRPC does not know", remedy)
    address = f"{parts.bracketed}:{parts.port}"
    return Target(address, parts.secure, is_loopback(parts.host), parts.userinfo, mask_url(endpoint))
