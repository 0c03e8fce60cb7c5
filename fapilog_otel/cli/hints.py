"""What to try when a destination did not take a record."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

_AUTHENTICATION: Final = frozenset(
    {"http_401", "http_403", "http_407", "grpc_unauthenticated", "grpc_permission_denied", "unauthenticated"}
)
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})

_BY_REASON: Final = {
    "connection_tls": "TLS failed: set certificate to the CA that signed the server's, or http:// if it speaks none",
    "connection_proxy": "The proxy refused: check HTTPS_PROXY, or except the host with NO_PROXY",
    "http_404": "Nothing is served at that path: endpoint is a base URL, to which /v1/logs is appended",
    "http_405": "That path takes no POST: endpoint is a base URL, to which /v1/logs is appended",
    "http_413": "The receiver takes smaller requests only: lower max_request_size",
    "http_415": "The receiver does not take this encoding: try protocol 'http/protobuf' or compression 'none'",
    "http_429": "The receiver asks to slow down; records are kept and sent again later",
    "timeout": "No answer in time: a firewall that swallows packets, the wrong port, or a receiver that hangs",
}


def hints(url: str, kind: str, reason: str) -> list[str]:
    """Give what to try next.

    Args:
        url: The destination's URL; empty: it has none.
        kind: Type of the exporter (``otlp_http``).
        reason: Short word for the failure, as delivery counts it.
    """
    found = [_by_reason(url, reason), _by_port(url, kind)]
    return [hint for hint in found if hint]


def _by_reason(url: str, reason: str) -> str:
    if reason in _AUTHENTICATION:
        return "Credentials are missing or wrong: set headers (OTEL_EXPORTER_OTLP_HEADERS=authorization=Bearer%20…)"
    if reason.startswith("http_3"):
        return "Redirects are not followed: set endpoint to the address that it points to"
    if (reason.startswith("connection_") and reason not in _BY_REASON) or reason == "grpc_unavailable":
        return _unreachable(url)
    return _BY_REASON.get(reason, "")


def _unreachable(url: str) -> str:
    parts = urlsplit(url)
    where = parts.netloc.rpartition("@")[2] or "there"
    if parts.hostname in _LOOPBACK:
        return f"Nothing answers at {where}: start a collector, or see it work with 'fapilog-otel demo'"
    return f"Nothing answers at {where}: check host and port, name resolution and firewalls"


def _by_port(url: str, kind: str) -> str:
    try:
        port = urlsplit(url).port
    except ValueError:
        return ""
    if port == 4317 and kind == "otlp_http":
        return "Port 4317 is gRPC's by convention: use port 4318, or protocol 'grpc'"
    if port == 4318 and kind == "otlp_grpc":
        return "Port 4318 is HTTP's by convention: use port 4317, or protocol 'http/protobuf'"
    return ""
