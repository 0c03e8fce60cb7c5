"""Endpoints: checking a URL, and resolving a base URL to the one that requests go to.

Source: OTLP specification, "OTLP/HTTP request" and "Endpoint URLs for OTLP/HTTP".
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias
from urllib.parse import SplitResult, urlsplit, urlunsplit

from fapilog_otel.settings.invalid import InvalidValueError
from fapilog_otel.settings.secret import mask_url

Protocol: TypeAlias = Literal["http/protobuf", "http/json", "grpc"]

PROTOCOLS: Final[tuple[Protocol, ...]] = ("http/protobuf", "http/json", "grpc")
_BY_NAME: Final[dict[object, Protocol]] = {name: name for name in PROTOCOLS}
LOGS_PATH: Final = "/v1/logs"
UNIX_SCHEME: Final = "unix:"
DEFAULT_HTTP_ENDPOINT: Final = "http://localhost:4318"
DEFAULT_GRPC_ENDPOINT: Final = "http://localhost:4317"


def as_protocol(value: object) -> Protocol | None:
    """Give the protocol of that name, or None for anything else."""
    return _BY_NAME.get(value) if isinstance(value, str) else None


def check_endpoint(value: object) -> str:
    """Give an endpoint back once it is known to be usable.

    Args:
        value: A URL with scheme ``http`` or ``https``; ``host:port`` and ``unix:/path`` are left to `resolve`, which
            allows them for gRPC.

    Raises:
        InvalidValueError: No text, another scheme, no host, a port outside 1-65535, a space or a fragment.
    """
    if not isinstance(value, str) or not value.strip():
        raise InvalidValueError("is not a URL", f"Write a URL such as {DEFAULT_HTTP_ENDPOINT}")
    text = value.strip()
    shown = mask_url(text)
    if any(character <= " " or character == "\x7f" for character in text):
        raise InvalidValueError("holds a space or a control character", "Percent-encode it", shown)
    if text.startswith(UNIX_SCHEME) and len(text) > len(UNIX_SCHEME):
        return text
    parts = _split(text, shown)
    if parts.scheme not in {"http", "https"}:
        raise InvalidValueError(f"has scheme {parts.scheme!r}", "Use http:// or https://", shown)
    if not parts.hostname:
        raise InvalidValueError("names no host", f"Write a URL such as {DEFAULT_HTTP_ENDPOINT}", shown)
    if parts.fragment:
        raise InvalidValueError("has a fragment", "Leave out the # and what follows it", shown)
    return text


def _split(text: str, shown: str) -> SplitResult:
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        port = parts.port
    except ValueError as error:
        # The message may quote the whole authority, credentials included.
        raise InvalidValueError("has a bad host or port", "A port is a number from 1 to 65535", shown) from error
    if port == 0:
        raise InvalidValueError("has port 0", "A port is a number from 1 to 65535", shown)
    return parts


def resolve(protocol: Protocol, endpoint: str | None, *, insecure: bool | None = None, exact: bool = False) -> str:
    """Give the URL that requests for logs go to.

    Args:
        protocol: The OTLP protocol.
        endpoint: A base URL; None: the protocol's default on localhost.
        insecure: For a gRPC endpoint without a scheme: True gives plaintext.
        exact: Take an HTTP endpoint as it is (``OTEL_EXPORTER_OTLP_LOGS_ENDPOINT``); else ``/v1/logs`` is appended.

    Returns:
        Always a URL with a scheme, or a gRPC target ``unix:/path``.

    Raises:
        InvalidValueError: A path on gRPC, or no scheme or a Unix socket on HTTP.
    """
    if endpoint is not None and endpoint.startswith(UNIX_SCHEME):
        if protocol == "grpc":
            return endpoint
        raise InvalidValueError("is a Unix socket, which OTLP/HTTP does not know", "Set protocol='grpc'", endpoint)
    if protocol == "grpc":
        return _resolve_grpc(endpoint or DEFAULT_GRPC_ENDPOINT, insecure=insecure)
    url = endpoint or DEFAULT_HTTP_ENDPOINT
    if "://" not in url:
        raise InvalidValueError(
            "has no scheme", f"Write http://{mask_url(url)} or https://{mask_url(url)}", mask_url(url)
        )
    if exact:
        return url
    parts = urlsplit(url)
    path = parts.path.rstrip("/")
    return url if path.endswith(LOGS_PATH) else urlunsplit(parts._replace(path=path + LOGS_PATH))


def _resolve_grpc(endpoint: str, *, insecure: bool | None) -> str:
    scheme = "http" if insecure else "https"
    parts = urlsplit(endpoint if "://" in endpoint else f"{scheme}://{endpoint}")
    if parts.path not in {"", "/"} or parts.query:
        raise InvalidValueError(
            "has a path, which gRPC does not know",
            f"Write {parts.scheme}://{parts.hostname}:{parts.port or 4317}, or set protocol='http/protobuf'",
            mask_url(endpoint),
        )
    return urlunsplit((parts.scheme, parts.netloc, "", "", ""))


def without_path(endpoint: str) -> str:
    """Give an endpoint without its path and query, for a protocol that knows none."""
    scheme, separator, rest = endpoint.rpartition("://")
    return f"{scheme}{separator}{rest.partition('/')[0].partition('?')[0]}"
