"""What the end of a gRPC call means for the request (OTLP specification, "OTLP/gRPC Response")."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import grpc

from fapilog_otel.contracts.exporter import ExportResult
from fapilog_otel.errors import PermanentError, RetryableError
from fapilog_otel.telemetry.diagnostics import clean_server_text, get_diagnostics
from fapilog_otel_exporters import _otlp_reply
from fapilog_otel_exporters._body_sink import BodySink, ReplyUnreadableError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fapilog_otel_exporters._headers import Pairs

_RETRYABLE: Final = frozenset(
    {
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.OUT_OF_RANGE,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DATA_LOSS,
    }
)
REPLY_LIMIT: Final = 4 * 1024 * 1024
"""Bytes that a reply may have, as sent and decoded."""

_COMPRESSED: Final = {b"\x1f\x8b": "gzip", b"\x78": "deflate"}
_DETAILS: Final = "grpc-status-details-bin"
# As servers in C, Go, Java, .NET and Rust say it; Rust's uses OUT_OF_RANGE, which would otherwise be retried for ever.
_TOO_LARGE: Final = re.compile(r"message.*(?:larger than max|exceeds? (?:the )?max|too large)", re.IGNORECASE)
_MAY_BE_TOO_LARGE: Final = frozenset({grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.OUT_OF_RANGE})
_OK: Final = "grpc_ok"
_REPLY_TOO_LARGE: Final = "CLIENT: Received message"


@dataclass(frozen=True, slots=True)
class CallEnd:
    """How a call ended, free of gRPC's own objects, which hold the channel.

    Args:
        code: Status code.
        reply: The reply message, where the code is OK.
        details: Text of the status, unchecked.
        status: Content of ``grpc-status-details-bin``.
    """

    code: grpc.StatusCode
    reply: bytes = b""
    details: str = ""
    status: bytes = b""


def call_end(
    export: Callable[..., bytes], body: bytes, timeout: float, metadata: Pairs, compression: grpc.Compression
) -> CallEnd:
    """Make a blocking call and tell how it ended.

    Args:
        export: The method.
        body: The request message.
        timeout: Deadline, in seconds, which the server learns too.
        metadata: Names in lower case.
        compression: Of the request.
    """
    try:
        reply = export(body, timeout=timeout, metadata=metadata, compression=compression, wait_for_ready=False)
    except grpc.RpcError as error:
        return _failed(error)
    except ValueError as error:  # the channel was closed in this very moment
        return CallEnd(grpc.StatusCode.CANCELLED, details=str(error))
    return CallEnd(grpc.StatusCode.OK, reply)


def refuses_compression(end: CallEnd) -> bool:
    """Tell whether a call failed because the server does not know the request's compression ("gRPC Compression")."""
    return end.code is grpc.StatusCode.UNIMPLEMENTED and "compress" in end.details.lower()


def outcome(end: CallEnd, count: int, secrets: Sequence[str]) -> ExportResult:
    """Give the result of a request.

    Args:
        end: How its call ended.
        count: Records in the request.
        secrets: Our credentials, masked in what the server says.

    Raises:
        RetryableError: A retryable code, or RESOURCE_EXHAUSTED with RetryInfo; with the delay that RetryInfo asks for.
        PermanentError: Any other code; ``too_large`` when the server says that the message is larger than it takes.
    """
    if end.code is grpc.StatusCode.OK:
        return _success(end.reply, count, secrets)
    name = end.code.name.lower()
    text = clean_server_text(end.details, secrets)
    message = f"gRPC {end.code.name}: {text}" if text else f"gRPC {end.code.name}"
    retryable, delay = _retry_info(end.status)
    if end.code in _MAY_BE_TOO_LARGE and not retryable and _TOO_LARGE.search(end.details):
        if _REPLY_TOO_LARGE in end.details:
            return _unreadable(text)
        raise PermanentError(message, reason=f"grpc_{name}", too_large=True)
    if end.code in _RETRYABLE or (end.code is grpc.StatusCode.RESOURCE_EXHAUSTED and retryable):
        raise RetryableError(message, delay=delay, reason=f"grpc_{name}")
    raise PermanentError(message, reason=f"grpc_{name}")


def _failed(error: grpc.RpcError) -> CallEnd:
    trailing = error.trailing_metadata() or ()
    status = next((item.value for item in trailing if item.key == _DETAILS), b"")
    return CallEnd(error.code(), b"", error.details() or "", bytes(status))


def _success(reply: bytes, count: int, secrets: Sequence[str]) -> ExportResult:
    try:
        partial = _otlp_reply.parse_protobuf(_decompressed(reply))
    except (ValueError, ReplyUnreadableError) as error:
        return _unreadable(str(error))
    rejected = min(max(partial.rejected, 0), count)
    return ExportResult(rejected, clean_server_text(partial.message, secrets), _OK)


def _decompressed(reply: bytes) -> bytes:
    """Decompress a reply, which gRPC itself would do without a bound; neither mark begins a valid message."""
    encoding = next((name for mark, name in _COMPRESSED.items() if reply.startswith(mark)), "")
    if not encoding:
        return reply
    sink = BodySink(encoding, REPLY_LIMIT)
    sink.write(reply)
    sink.finish()
    return sink.body


def _unreadable(problem: str) -> ExportResult:
    get_diagnostics().report(
        "otlp_grpc.reply", "the server took a request, but its reply cannot be read", problem=problem
    )
    return ExportResult(code=_OK)


def _retry_info(status: bytes) -> tuple[bool, float | None]:
    try:
        parsed = _otlp_reply.parse_status(status)
    except ValueError:
        return False, None  # details that nobody can read are as good as none
    return parsed.retryable, parsed.delay
