from __future__ import annotations

import contextlib
import json

import pytest
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import DebugInfo, RetryInfo
from google.rpc.status_pb2 import Status
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsPartialSuccess, ExportLogsServiceResponse

from fapilog_otel_exporters._otlp_reply import (
    PartialSuccess,
    RpcStatus,
    json_status_message,
    parse_json,
    parse_protobuf,
    parse_status,
)


def status_with(*details: RetryInfo | DebugInfo) -> bytes:
    packed = []
    for detail in details:
        any_message = Any()
        any_message.Pack(detail)
        packed.append(any_message)
    return Status(code=8, message="slow down", details=packed).SerializeToString()


class TestParseProtobuf:
    @given(rejected=st.integers(-(2**63), 2**63 - 1), message=st.text(max_size=40))
    def test_reads_what_protobuf_writes(self, rejected: int, message: str) -> None:
        partial = ExportLogsPartialSuccess(rejected_log_records=rejected, error_message=message)

        reply = ExportLogsServiceResponse(partial_success=partial).SerializeToString()

        assert parse_protobuf(reply) == PartialSuccess(rejected, message)

    def test_an_empty_reply_is_full_success(self) -> None:
        assert parse_protobuf(b"") == PartialSuccess()

    def test_skips_unknown_fields_of_every_wire_type(self) -> None:
        unknown = b"\x28\x05" + b"\x31" + bytes(8) + b"\x3a\x02hi" + b"\x45" + bytes(4)

        assert parse_protobuf(unknown + b"\x0a\x02\x08\x03") == PartialSuccess(3, "")

    @pytest.mark.parametrize(
        "data", [b"\x0a", b"\x0a\x05\x08", b"\x08\x01", b"\xff" * 11, b"<html>", b"\x00\x00", b"\x0b"]
    )
    def test_refuses_what_is_no_message(self, data: bytes) -> None:
        with pytest.raises(ValueError):
            parse_protobuf(data)

    @given(st.binary(max_size=60))
    def test_never_raises_anything_but_value_error(self, data: bytes) -> None:
        with contextlib.suppress(ValueError):
            assert isinstance(parse_protobuf(data), PartialSuccess)


class TestParseJson:
    @pytest.mark.parametrize(
        ("reply", "expected"),
        [
            ({}, PartialSuccess()),
            ({"partialSuccess": None}, PartialSuccess()),
            ({"partialSuccess": {}}, PartialSuccess()),
            ({"partialSuccess": {"rejectedLogRecords": "3", "errorMessage": "no"}}, PartialSuccess(3, "no")),
            ({"partialSuccess": {"rejectedLogRecords": 3, "future": 1}}, PartialSuccess(3)),
            ({"partial_success": {"rejected_log_records": -1, "error_message": None}}, PartialSuccess(-1)),
        ],
    )
    def test_reads_both_spellings_and_numbers_as_texts(
        self, reply: dict[str, object], expected: PartialSuccess
    ) -> None:
        assert parse_json(json.dumps(reply).encode()) == expected

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"[]",
            b"OK",
            b"\xff\xfe\x00",
            b'{"partialSuccess": 3}',
            b'{"partialSuccess": {"rejectedLogRecords": [1]}}',
            b'{"partialSuccess": {"rejectedLogRecords": Infinity}}',
            b'{"partialSuccess": {"rejectedLogRecords": "x"}}',
            b"[" * 200_000,
        ],
    )
    def test_refuses_what_is_no_reply(self, data: bytes) -> None:
        with pytest.raises(ValueError):
            parse_json(data)


class TestParseStatus:
    def test_reads_the_message_and_the_retry_delay(self) -> None:
        info = RetryInfo(retry_delay=Duration(seconds=2, nanos=500_000_000))

        assert parse_status(status_with(DebugInfo(detail="x"), info)) == RpcStatus("slow down", True, 2.5)

    def test_a_retry_info_without_a_delay_still_says_that_a_retry_may_help(self) -> None:
        assert parse_status(status_with(RetryInfo())) == RpcStatus("slow down", True, None)

    def test_other_details_do_not(self) -> None:
        assert parse_status(status_with(DebugInfo(detail="x"))) == RpcStatus("slow down", False, None)

    def test_a_negative_delay_is_none(self) -> None:
        info = RetryInfo(retry_delay=Duration(seconds=-2))

        assert parse_status(status_with(info)) == RpcStatus("slow down", True, None)


class TestJsonStatusMessage:
    def test_gives_the_message(self) -> None:
        assert json_status_message(b'{"code": 3, "message": "bad request"}') == "bad request"

    @pytest.mark.parametrize("data", [b"{}", b"[]", b"oops", b'{"message": 3}'])
    def test_refuses_what_has_none(self, data: bytes) -> None:
        with pytest.raises(ValueError):
            json_status_message(data)
