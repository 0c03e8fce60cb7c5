"""What an HTTP reply means for the request (OTLP specification, "OTLP/HTTP Response")."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Final

from fapilog_otel.contracts import ExportResult
from fapilog_otel.errors import PermanentError, RetryableError
from fapilog_otel.telemetry.diagnostics import clean_server_text, get_diagnostics
from fapilog_otel_exporters import _otlp_reply
from fapilog_otel_exporters._retry_after import retry_after
from fapilog_otel_exporters.otlp_http._dial import ProxyRefusedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fapilog_otel_exporters.otlp_http._reply import Reply

_RETRYABLE: Final = frozenset({429, 502, 503, 504})
_TOO_LARGE: Final = 413
# The Collector answers 400 where its max_request_body_size is exceeded (Go's http.MaxBytesError).
_COLLECTOR_TOO_LARGE: Final = "request body too large"
_EXCERPT: Final = 2048

_REASONS: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (ConnectionRefusedError, "connection_refused"),
    (ProxyRefusedError, "connection_proxy"),
    (ConnectionResetError, "connection_reset"),
    (BrokenPipeError, "connection_reset"),
    (ConnectionError, "connection_closed"),
    (TimeoutError, "connection_timeout"),
    (ssl.SSLError, "connection_tls"),
)


def outcome(reply: Reply, count: int, secrets: Sequence[str]) -> ExportResult:
    """Give the result of a request.

    Args:
        reply: What the server answered.
        count: Records in the request.
        secrets: Our credentials, masked in what the server says.

    Raises:
        RetryableError: 429, 502, 503 or 504, with the delay that the server asks for.
        PermanentError: Any other status outside 2xx, redirects too; ``too_large`` for 413 or what the Collector says.
    """
    status = reply.status
    if 200 <= status < 300:
        return _success(reply, count, secrets)
    message = f"HTTP {status}"
    said = clean_server_text(_error_text(reply), secrets).strip()
    if said:
        message += f": {said}"
    if status in _RETRYABLE:
        delay = retry_after(reply.header("retry-after"), reply.header("date"))
        raise RetryableError(message, delay=delay, reason=f"http_{status}")
    if 300 <= status < 400:
        message += " (redirects are not followed)"
    too_large = status == _TOO_LARGE or (status == 400 and _COLLECTOR_TOO_LARGE in said)
    raise PermanentError(message, reason=f"http_{status}", too_large=too_large)


def connection_failure(error: BaseException, secrets: Sequence[str]) -> RetryableError:
    """Give the delivery error for a connection that could not be opened, broke, or spoke something other than HTTP."""
    reason = next((reason for kind, reason in _REASONS if isinstance(error, kind)), "connection_failed")
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return RetryableError(f"connection failed: {clean_server_text(text, secrets)}", reason=reason)


def _success(reply: Reply, count: int, secrets: Sequence[str]) -> ExportResult:
    code = f"http_{reply.status}"
    if reply.problem is not None:
        return _unreadable(reply.problem, secrets, code)
    if not reply.body:
        return ExportResult(code=code)
    try:
        parse = _otlp_reply.parse_json if _is_json(reply) else _otlp_reply.parse_protobuf
        partial = parse(reply.body)
    except ValueError as error:
        return _unreadable(str(error), secrets, code)
    rejected = min(max(partial.rejected, 0), count)
    return ExportResult(rejected, clean_server_text(partial.message, secrets), code)


def _unreadable(problem: str, secrets: Sequence[str], code: str) -> ExportResult:
    get_diagnostics().report(
        "otlp_http.reply",
        "the server took a request, but its reply cannot be read",
        problem=clean_server_text(problem, secrets),
    )
    return ExportResult(code=code)


def _error_text(reply: Reply) -> str:
    try:
        if _is_json(reply):
            return _otlp_reply.json_status_message(reply.body)
        if "protobuf" in reply.header("content-type"):
            return _otlp_reply.parse_status(reply.body).message
    except ValueError:
        pass  # an intermediary's page under the wrong content type: shown as it is
    return reply.body[:_EXCERPT].decode("utf-8", "replace")


def _is_json(reply: Reply) -> bool:
    return "json" in reply.header("content-type").lower()
