"""Every reason for which a record can be lost or a request can fail, with its cause and remedy, in one table.

``docs/observability.md`` shows the same table; a test holds the two together, and both to what the code can produce.
"""

from __future__ import annotations

import errno
from typing import Final, NamedTuple


class Reason(NamedTuple):
    """What is behind a reason.

    Args:
        cause: What has happened.
        remedy: What to do about it.
    """

    cause: str
    remedy: str


_SERVER_LOG: Final = "see the receiver's own log for the cause"
_CONNECTION: Final = "see whether a receiver listens at `endpoint`; `fapilog-otel doctor` checks it"
_BUG: Final = "this is a bug in the exporter: report it to its author"
_LATER: Final = "see the receiver's own log for the cause; the records wait and are sent again"

# A name that ends in an asterisk stands for all that begin so; the longest that fits is taken.
REASONS: Final[dict[str, Reason]] = {
    "queue_full": Reason(
        "records came faster than the destination took them, and its queue is full",
        "see why the destination is slow or down; raise `max_queue_bytes`, or wait with `on_full`='block' and "
        "`block_timeout`",
    ),
    "shutdown": Reason(
        "they were logged after shutdown, or not delivered before its deadline",
        "raise `shutdown_timeout`, and see why the receiver did not answer",
    ),
    "encode_error": Reason(
        "the record could not be encoded",
        "this is a bug in fapilog_otel: report it with the call that logs such a record",
    ),
    "spool_full": Reason(
        "the durable spool has reached its size limit", "see why the destination is down; give the spool more room"
    ),
    "spool_corrupt": Reason(
        "what the disk gave back is not what was written", "check the disk under `spool`; the file was set aside"
    ),
    "rejected": Reason(
        "the receiver took the request without these records (OTLP partial success)",
        "see its message, and the receiver's own log, for what it does not accept",
    ),
    "too_large": Reason(
        "a single record is larger than the receiver takes",
        "lower `limits.record_bytes`, or raise the receiver's limit",
    ),
    "timeout": Reason(
        "no answer came within `timeout`",
        "see whether the receiver is slow or a firewall swallows the packets; `timeout` sets the limit",
    ),
    "circuit_open": Reason("the circuit breaker holds requests back", _CONNECTION),
    "cancelled": Reason(
        "the transport cancelled the request", "this is a bug in the exporter: report it to its author"
    ),
    "closed": Reason("the exporter is not open", "see the line that says why it could not start"),
    "busy": Reason("the exporter is still at work on earlier requests", "see why its destination is slow"),
    "exporter_error": Reason("the exporter raised", _BUG),
    "exporter_failure": Reason("the SDK exporter returned FAILURE", "see what that exporter itself logs"),
    "headers": Reason(
        "the request headers cannot be used", "check what the `headers` callable gives, or `headers_file` holds"
    ),
    "plaintext_credentials": Reason(
        "credentials would go out without TLS, which is to be refused", "use an https:// endpoint"
    ),
    "stream_closed": Reason("the stream that it writes to is closed", "see who closes it, or write to a file"),
    "os_error": Reason("the file or stream cannot be written", "see the cause"),
    "errno": Reason("the file or stream cannot be written (a name of errno: `enospc`, `eacces`, …)", "see the cause"),
    "connection_refused": Reason("nothing listens at the endpoint", _CONNECTION),
    "connection_proxy": Reason("the proxy refuses to connect", "check HTTPS_PROXY and NO_PROXY"),
    "connection_tls": Reason(
        "TLS failed, or its certificates cannot be used", "check `certificate`, and the name in the receiver's own"
    ),
    "connection_*": Reason("the connection could not be opened, or broke", _CONNECTION),
    "http_401": Reason("the credentials are missing or wrong", "check `headers`: the credentials are missing or wrong"),
    "http_403": Reason("the credentials do not permit this", "check `headers`: the credentials do not permit this"),
    "http_404": Reason("nothing is served at that path", "check `endpoint`: its path should end in /v1/logs"),
    "http_*": Reason("the receiver answered with this HTTP status", _SERVER_LOG),
    "grpc_unauthenticated": Reason("the credentials are missing or wrong", "check `headers`"),
    "grpc_permission_denied": Reason("the credentials do not permit this", "check `headers`"),
    "grpc_unimplemented": Reason("no logs service is served there", "check `endpoint` and its port (4317)"),
    "grpc_unavailable": Reason("the receiver cannot be reached, or takes nothing now", _CONNECTION),
    "grpc_fork": Reason(
        "the process was forked while gRPC was open", "call `configure()` in the child, or use protocol='http/protobuf'"
    ),
    "grpc_*": Reason("the receiver answered with this gRPC status", _SERVER_LOG),
    "already_shutdown": Reason("an exporter was given records after its shutdown", "shut the provider down last"),
    "unreadable": Reason("an SDK log record could not be read", "see the line that tells the cause"),
    "RequestPayloadTooLargeError": Reason(
        "a single record is larger than the exporter's `max_request_size`", "raise it, or lower `limits.record_bytes`"
    ),
    "permanent": Reason("the destination refused the request for good", _SERVER_LOG),
    "unavailable": Reason("the destination cannot be reached, or takes nothing now", _LATER),
    "error": Reason("an exporter or a stage failed", "see the line that tells the cause"),
}

_UNKNOWN: Final = Reason("a reason of the exporter's own", "see the exporter's documentation")
_ERRNO: Final = frozenset(name.lower() for name in errno.errorcode.values())


def explain(reason: str) -> Reason:
    """Give the cause and the remedy of a reason; of one that is no reason of ours, that it is the exporter's own."""
    key = known_as(reason)
    return _UNKNOWN if key is None else REASONS[key]


def known_as(reason: str) -> str | None:
    """Give the entry of ``REASONS`` that stands for a reason, or None."""
    if reason in REASONS:
        return reason
    family = f"{reason.partition('_')[0]}_*"
    if family in REASONS:
        return family
    return "errno" if reason in _ERRNO else None
