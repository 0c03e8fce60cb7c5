"""What an OTLP receiver says in a reply: partial success, or a ``google.rpc.Status`` with a retry delay.

Source: OTLP specification, "Partial Success", "Failures" and "OTLP/gRPC Throttling"; googleapis ``google/rpc``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from fapilog_otel_exporters._protobuf_fields import fields, signed

_RETRY_INFO: Final = b"google.rpc.RetryInfo"


@dataclass(frozen=True, slots=True)
class PartialSuccess:
    """The ``partial_success`` of an ``ExportLogsServiceResponse``; without one, nothing rejected and no message.

    Args:
        rejected: Records refused, as the server counts them: it may be absurd.
        message: Text of the server, unchecked.
    """

    rejected: int = 0
    message: str = ""


@dataclass(frozen=True, slots=True)
class RpcStatus:
    """A ``google.rpc.Status``.

    Args:
        message: Text of the server, unchecked.
        retryable: Whether it carries a RetryInfo.
        delay: Seconds that its RetryInfo asks for; None: it names no time.
    """

    message: str = ""
    retryable: bool = False
    delay: float | None = None


def parse_protobuf(data: bytes) -> PartialSuccess:
    """Read an ``ExportLogsServiceResponse``.

    Raises:
        ValueError: The bytes are not one.
    """
    rejected, message = 0, ""
    for number, value in fields(data):
        if number == 1:
            for inner, content in fields(_bytes(value)):
                if inner == 1 and isinstance(content, int):
                    rejected = signed(content)
                elif inner == 2:
                    message = _text(content)
    return PartialSuccess(rejected, message)


def parse_json(data: bytes) -> PartialSuccess:
    """Read an ``ExportLogsServiceResponse`` in JSON form; unknown fields are ignored, null stands for absent.

    Raises:
        ValueError: The bytes are not one.
    """
    try:
        reply = json.loads(data)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    if not isinstance(reply, dict):
        raise ValueError("not an object")  # noqa: TRY004 - one error for every unreadable reply
    partial = reply.get("partialSuccess", reply.get("partial_success")) or {}
    if not isinstance(partial, dict):
        raise ValueError("partialSuccess is not an object")  # noqa: TRY004
    rejected = partial.get("rejectedLogRecords", partial.get("rejected_log_records")) or 0
    message = partial.get("errorMessage", partial.get("error_message")) or ""
    if not isinstance(rejected, int | float | str):
        raise ValueError("rejectedLogRecords is not a number")  # noqa: TRY004
    return PartialSuccess(_integer(rejected), str(message))


def parse_status(data: bytes) -> RpcStatus:
    """Read a ``google.rpc.Status``.

    Raises:
        ValueError: The bytes are not one.
    """
    message, retryable, delay = "", False, None
    for number, value in fields(data):
        if number == 2:
            message = _text(value)
        elif number == 3:
            found, seconds = _retry_info(_bytes(value))
            retryable = retryable or found
            delay = seconds if seconds is not None else delay
    return RpcStatus(message, retryable, delay)


def json_status_message(data: bytes) -> str:
    """Give the message of a ``google.rpc.Status`` in JSON form.

    Raises:
        ValueError: The bytes are not one.
    """
    try:
        reply = json.loads(data)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    if not isinstance(reply, dict) or not isinstance(reply.get("message"), str):
        raise ValueError("no message")  # noqa: TRY004 - one error for every unreadable reply
    return str(reply["message"])


def _retry_info(any_message: bytes) -> tuple[bool, float | None]:
    url, content = b"", b""
    for number, value in fields(any_message):
        if number == 1:
            url = _bytes(value)
        elif number == 2:
            content = _bytes(value)
    if url.rpartition(b"/")[2] != _RETRY_INFO:
        return False, None
    for number, value in fields(content):
        if number == 1:
            return True, _duration(_bytes(value))
    return True, None


def _duration(data: bytes) -> float | None:
    seconds = nanos = 0
    for number, value in fields(data):
        if isinstance(value, int):
            if number == 1:
                seconds = signed(value)
            elif number == 2:
                nanos = signed(value)
    delay = seconds + nanos / 1e9
    return delay if delay >= 0 else None


def _integer(value: float | str) -> int:
    try:
        return int(value)
    except OverflowError as error:
        raise ValueError("not a number of records") from error


def _bytes(value: int | bytes) -> bytes:
    if not isinstance(value, bytes):
        raise ValueError("a number where a message belongs")  # noqa: TRY004
    return value


def _text(value: int | bytes) -> str:
    return _bytes(value).decode("utf-8", "replace")
