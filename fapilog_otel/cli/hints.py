"""What to try when a destination did not take a record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from fapilog_otel.settings import mask_url
from fapilog_otel.settings.endpoint import LOGS_PATH

_AUTHENTICATION: Final = frozenset(
    {"http_401", "http_403", "http_407", "grpc_unauthenticated", "grpc_permission_denied", "unauthenticated"}
)
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_HUNG_UP: Final = frozenset({"connection_closed", "connection_reset"})
_NO_HTTP: Final = "not an HTTP/1.1 reply"

_BY_REASON: Final = {
    "connection_tls": "TLS failed: set certificate to the CA that signed the server's, or http:// if it speaks none",
    "connection_proxy": "The proxy refused: check HTTPS_PROXY, or except the host with NO_PROXY",
    "http_413": "The receiver takes smaller requests only: lower max_request_size",
    "http_415": "The receiver does not take this encoding: try protocol 'http/protobuf' or compression 'none'",
    "http_429": "The receiver asks to slow down; records are kept and sent again later",
    "timeout": "No answer in time: a firewall that swallows packets, the wrong port, or a receiver that hangs",
}


@dataclass(frozen=True, slots=True)
class _Failure:
    url: str
    kind: str
    reason: str
    message: str
    exact: bool


def hints(url: str, kind: str, reason: str, message: str = "", *, exact: bool = False) -> list[str]:
    """Give what to try next.

    Args:
        url: The destination's URL; empty: it has none.
        kind: Type of the exporter (``otlp_http``).
        reason: Short word for the failure, as delivery counts it.
        message: What happened, as the transport said it.
        exact: Whether the URL was taken as it is, from ``OTEL_EXPORTER_OTLP_LOGS_ENDPOINT``.
    """
    failure = _Failure(url, kind, reason, message, exact)
    found = [_by_reason(failure), _by_port(failure)]
    return [hint for hint in found if hint]


def _by_reason(failure: _Failure) -> str:
    reason = failure.reason
    if reason in _AUTHENTICATION:
        return "Credentials are missing or wrong: set headers (OTEL_EXPORTER_OTLP_HEADERS=authorization=Bearer%20…)"
    if reason.startswith("http_3"):
        return "Redirects are not followed: set endpoint to the address that it points to"
    if reason in {"http_404", "http_405"}:
        return _wrong_path(failure)
    if reason == "grpc_unavailable":
        return _grpc_unavailable(failure)
    if reason in _HUNG_UP or _NO_HTTP in failure.message:
        where = _where(failure.url)
        return f"{where} is there, but does not answer in HTTP: try another port, https:// or protocol 'grpc'"
    if reason.startswith("connection_") and reason not in _BY_REASON:
        return _unreachable(failure.url)
    return _BY_REASON.get(reason, "")


def _wrong_path(failure: _Failure) -> str:
    problem = "Nothing is served at that path" if failure.reason == "http_404" else "That path takes no POST"
    if failure.exact:
        parts = urlsplit(failure.url)
        if not parts.path.endswith(LOGS_PATH):
            right = mask_url(parts._replace(path=parts.path.rstrip("/") + LOGS_PATH).geturl())
            return f"{problem}: OTEL_EXPORTER_OTLP_LOGS_ENDPOINT is taken as it is: write {right}"
        return f"{problem}: see which paths the receiver serves"
    return f"{problem}: endpoint is a base URL, to which /v1/logs is appended"


def _grpc_unavailable(failure: _Failure) -> str:
    """Tell the cases apart that gRPC has one status for; only its text does."""
    said = failure.message.lower()
    where = _where(failure.url)
    if "handshake failed" in said:
        return (
            f"TLS failed: if {where} speaks none, write http://{where} (or insecure=true without a scheme); "
            "if it does, set certificate to the CA that signed the server's"
        )
    if "http1" in said or "http/2" in said:
        return f"{where} is there, but does not answer in gRPC: try its gRPC port, or protocol 'http/protobuf'"
    if "connect" in said or "resolv" in said or not said:
        return _unreachable(failure.url)
    return "The receiver says that it is unavailable: see its own log"


def _where(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2] or "there"


def _unreachable(url: str) -> str:
    if urlsplit(url).hostname in _LOOPBACK:
        return f"Nothing answers at {_where(url)}: start a collector, or see it work with 'fapilog-otel demo'"
    return f"Nothing answers at {_where(url)}: check host and port, name resolution and firewalls"


def _by_port(failure: _Failure) -> str:
    try:
        port = urlsplit(failure.url).port
    except ValueError:
        return ""
    if port == 4317 and failure.kind == "otlp_http":
        return "Port 4317 is gRPC's by convention: use port 4318, or protocol 'grpc'"
    if port == 4318 and failure.kind == "otlp_grpc":
        return "Port 4318 is HTTP's by convention: use port 4317, or protocol 'http/protobuf'"
    return ""
