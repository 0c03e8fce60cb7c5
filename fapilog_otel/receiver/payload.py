"""Reply bodies: export responses, partial successes, statuses and what gRPC carries in its trailers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from fapilog_otel.receiver.records import Signal
    from fapilog_otel.receiver.script import GrpcStatus, Reply

# How gateways translate HTTP statuses: google.rpc.Code "HTTP Mapping", and for 5xx what OTLP/HTTP calls retryable.
_CODES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "UNIMPLEMENTED",
    408: "DEADLINE_EXCEEDED",
    413: "RESOURCE_EXHAUSTED",
    429: "UNAVAILABLE",
    499: "CANCELLED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "UNAVAILABLE",
}


def export_response(signal: Signal, reply: Reply) -> Message:
    """Give the export response of a signal, with a partial success where the reply has one."""
    from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
    from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

    if signal == "logs":
        logs = logs_service_pb2.ExportLogsServiceResponse()
        if reply.rejected or reply.message:
            logs.partial_success.rejected_log_records = reply.rejected
            logs.partial_success.error_message = reply.message
        return logs
    spans = trace_service_pb2.ExportTraceServiceResponse()
    if reply.rejected or reply.message:
        spans.partial_success.rejected_spans = reply.rejected
        spans.partial_success.error_message = reply.message
    return spans


def http_body(signal: Signal | None, reply: Reply, *, as_json: bool) -> bytes:
    """Give the body of an HTTP reply in the encoding of its request (OTLP/HTTP, "Response")."""
    if reply.body is not None:
        return reply.body
    if reply.status in (204, 304):
        return b""
    succeeded = 200 <= reply.status < 300 and signal is not None
    message = export_response(signal, reply) if succeeded and signal else _status(grpc_code(reply), reply.message)
    if not as_json:
        return message.SerializeToString()
    from google.protobuf import json_format

    return json_format.MessageToJson(message, indent=None).encode()


def grpc_code(reply: Reply) -> str:
    """Give the name of the gRPC status code that a reply stands for."""
    if reply.grpc is not None:
        return reply.grpc.code
    if 200 <= reply.status < 300:
        return "OK"
    return _CODES.get(reply.status, "INTERNAL" if reply.status >= 500 else "UNKNOWN")


def grpc_trailers(status: GrpcStatus) -> tuple[tuple[str, str | bytes], ...]:
    """Give the trailing metadata of a gRPC status, RetryInfo included (OTLP/gRPC, "Throttling")."""
    if status.retry_delay is None:
        return status.trailing
    from google.rpc.error_details_pb2 import RetryInfo

    info = RetryInfo()
    info.retry_delay.FromNanoseconds(round(status.retry_delay * 1_000_000_000))
    details = _status(status.code, status.details, info).SerializeToString()
    return (*status.trailing, ("grpc-status-details-bin", details))


def _status(code: str, message: str, *details: Message) -> Message:
    from google.rpc.code_pb2 import Code
    from google.rpc.status_pb2 import Status

    status = Status(code=Code.Value(code), message=message)
    for detail in details:
        status.details.add().Pack(detail)
    given: Message = status
    return given
