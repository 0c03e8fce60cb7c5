"""A client that sees every byte of a reply, and the requests it sends."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

if TYPE_CHECKING:
    from fapilog_otel.receiver import OtlpReceiver

TIMEOUT = 5.0


class RawClient:
    """One TCP connection on which requests are written and replies read byte by byte."""

    def __init__(self, endpoint: str) -> None:
        parts = urlsplit(endpoint)
        assert parts.hostname
        assert parts.port
        self.socket = socket.create_connection((parts.hostname, parts.port), timeout=TIMEOUT)

    def send(self, body: bytes = b"", *, path: str = "/v1/logs", method: str = "POST", **headers: str) -> RawClient:
        """Write a request; header names have underscores for dashes, and an empty value leaves one out."""
        fields = {"host": "test", "content_type": "application/x-protobuf", "content_length": str(len(body)), **headers}
        lines = [f"{method} {path} HTTP/1.1", *(f"{k.replace('_', '-')}: {v}" for k, v in fields.items() if v)]
        return self.send_raw("\r\n".join((*lines, "", "")).encode() + body)

    def send_raw(self, data: bytes) -> RawClient:
        """Write bytes as they are."""
        self.socket.sendall(data)
        return self

    def read_reply(self) -> tuple[int, dict[str, str], bytes]:
        """Read one reply that has a content length: status, headers in lower case, body."""
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._receive()
        head, _, body = data.partition(b"\r\n\r\n")
        line, *fields = head.decode().split("\r\n")
        headers = dict(field.lower().split(": ", 1) for field in fields)
        while len(body) < int(headers.get("content-length", 0)):
            body += self._receive()
        return int(line.split()[1]), headers, body

    def read_to_end(self) -> bytes:
        """Read until the server ends the connection in good order."""
        data = b""
        while piece := self.socket.recv(65536):
            data += piece
        return data

    def close(self) -> None:
        """Close the connection."""
        self.socket.close()

    def _receive(self) -> bytes:
        piece = self.socket.recv(65536)
        if not piece:
            raise EOFError("the server ended the connection")
        return piece


def logs_request(*bodies: str) -> bytes:
    """An export request with one record a body."""
    request = ExportLogsServiceRequest()
    scope = request.resource_logs.add().scope_logs.add()
    for body in bodies:
        scope.log_records.add().body.string_value = body
    return request.SerializeToString()


def bodies(receiver: OtlpReceiver) -> list[object]:
    """The bodies of the records received."""
    return [log.body for log in receiver.logs]
