from __future__ import annotations

import gzip
import zlib

import grpc
import pytest
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsPartialSuccess, ExportLogsServiceResponse
from otlp_support import Reported, capture_diagnostics

from fapilog_otel.contracts import ExportResult
from fapilog_otel.errors import PermanentError, RetryableError
from fapilog_otel_exporters.otlp_grpc._outcome import CallEnd, outcome

CODES = grpc.StatusCode
RETRYABLE = [
    CODES.CANCELLED,
    CODES.DEADLINE_EXCEEDED,
    CODES.ABORTED,
    CODES.OUT_OF_RANGE,
    CODES.UNAVAILABLE,
    CODES.DATA_LOSS,
]


@pytest.fixture
def reported(monkeypatch: pytest.MonkeyPatch) -> Reported:
    return capture_diagnostics(monkeypatch)


def retry_info(seconds: int) -> bytes:
    detail = Any()
    detail.Pack(RetryInfo(retry_delay=Duration(seconds=seconds)))
    return Status(code=14, details=[detail]).SerializeToString()


def partial(rejected: int, message: str = "") -> bytes:
    success = ExportLogsPartialSuccess(rejected_log_records=rejected, error_message=message)
    return ExportLogsServiceResponse(partial_success=success).SerializeToString()


class TestCodes:
    @pytest.mark.parametrize("code", RETRYABLE)
    def test_six_are_retryable_with_and_without_a_delay(self, code: grpc.StatusCode) -> None:
        for status, delay in ((b"", None), (retry_info(7), 7.0), (b"\xffjunk", None)):
            with pytest.raises(RetryableError) as caught:
                outcome(CallEnd(code, details="busy", status=status), 1, ())
            assert (caught.value.delay, caught.value.reason) == (delay, f"grpc_{code.name.lower()}")

    @pytest.mark.parametrize("code", [code for code in CODES if code not in {*RETRYABLE, CODES.OK}])
    def test_all_others_are_permanent(self, code: grpc.StatusCode) -> None:
        with pytest.raises(PermanentError) as caught:
            outcome(CallEnd(code, details="no"), 1, ())

        assert (caught.value.too_large, caught.value.reason) == (False, f"grpc_{code.name.lower()}")

    def test_exhausted_is_retryable_with_retry_info_only(self) -> None:
        with pytest.raises(RetryableError) as caught:
            outcome(CallEnd(CODES.RESOURCE_EXHAUSTED, details="quota", status=retry_info(3)), 1, ())
        assert caught.value.delay == 3.0

        with pytest.raises(PermanentError):
            outcome(CallEnd(CODES.RESOURCE_EXHAUSTED, details="quota", status=Status().SerializeToString()), 1, ())

    def test_other_codes_stay_permanent_with_retry_info(self) -> None:
        with pytest.raises(PermanentError):
            outcome(CallEnd(CODES.INVALID_ARGUMENT, status=retry_info(3)), 1, ())


class TestTooLarge:
    @pytest.mark.parametrize(
        ("code", "details"),
        [
            (CODES.RESOURCE_EXHAUSTED, "grpc: received message larger than max (5000000 vs. 4194304)"),
            (CODES.RESOURCE_EXHAUSTED, "grpc: received message after decompression larger than max 4194304"),
            (CODES.RESOURCE_EXHAUSTED, "SERVER: Received message larger than max (5000000 vs. 4194304)"),
            (CODES.RESOURCE_EXHAUSTED, "CLIENT: Sent message larger than max (5000000 vs. 4194304)"),
            (CODES.RESOURCE_EXHAUSTED, "gRPC message exceeds maximum size 4194304: 5000000"),
            (CODES.RESOURCE_EXHAUSTED, "Received message exceeds the maximum configured message size."),
            (
                CODES.OUT_OF_RANGE,
                "Error, decoded message length too large: found 5000000 bytes, the limit is: 4194304 bytes",
            ),
        ],
    )
    def test_is_known_by_the_texts_of_the_common_servers(self, code: grpc.StatusCode, details: str) -> None:
        with pytest.raises(PermanentError) as caught:
            outcome(CallEnd(code, details=details), 1, ())

        assert caught.value.too_large

    @pytest.mark.parametrize("details", ["rate exceeds the maximum of your plan", "queue is full", ""])
    def test_is_not_seen_in_other_texts(self, details: str) -> None:
        with pytest.raises(PermanentError) as caught:
            outcome(CallEnd(CODES.RESOURCE_EXHAUSTED, details=details), 1, ())

        assert not caught.value.too_large

    def test_a_reply_that_is_too_large_means_that_the_request_was_taken(self, reported: Reported) -> None:
        details = "CLIENT: Received message larger than max (419430400 vs. 4194304)"

        assert outcome(CallEnd(CODES.RESOURCE_EXHAUSTED, details=details), 1, ()) == ExportResult()
        assert reported.kinds == ["otlp_grpc.reply"]


class TestReply:
    @pytest.mark.parametrize("encode", [bytes, gzip.compress, zlib.compress])
    @pytest.mark.parametrize(("rejected", "expected"), [(0, 0), (2, 2), (9, 5), (-3, 0)])
    def test_partial_success_is_clamped_to_the_request(self, encode: object, rejected: int, expected: int) -> None:
        reply = encode(partial(rejected, "why"))  # type: ignore[operator]

        assert outcome(CallEnd(CODES.OK, reply), 5, ()) == ExportResult(expected, "why")

    def test_an_empty_one_is_full_success(self) -> None:
        assert outcome(CallEnd(CODES.OK), 5, ()) == ExportResult()

    @pytest.mark.parametrize(
        "reply", [b"junk", b"\x1f\x8bjunk", gzip.compress(partial(2))[:-9], gzip.compress(bytes(5 * 1024 * 1024))]
    )
    def test_one_that_cannot_be_read_is_success_with_a_report(self, reply: bytes, reported: Reported) -> None:
        assert outcome(CallEnd(CODES.OK, reply), 5, ()) == ExportResult()
        assert reported.kinds == ["otlp_grpc.reply"]

    def test_has_its_text_cleaned_and_our_credentials_masked(self) -> None:
        text = "\x1b[31m token s3cret-token\n" + "x" * 2000
        result = outcome(CallEnd(CODES.OK, partial(1, text)), 5, ("Bearer s3cret-token",))
        with pytest.raises(PermanentError) as caught:
            outcome(CallEnd(CODES.UNAUTHENTICATED, details=text), 5, ("Bearer s3cret-token",))

        for shown in (result.message, str(caught.value)):
            assert "s3cret" not in shown
            assert shown.isprintable()
            assert len(shown) < 600
