"""What a reply means: one test a rule of the OTLP specification, against a server that says exactly what it is told."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from collections.abc import AsyncIterator

import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsPartialSuccess, ExportLogsServiceResponse
from otlp_support import Answer, RawServer, Reported, capture_diagnostics, raw_server, reply, request_of, run_client

from fapilog_otel.contracts import ExportResult
from fapilog_otel.errors import PermanentError, RetryableError
from fapilog_otel.receiver import Bomb, Drip, OtlpReceiver, Reply
from fapilog_otel_exporters.otlp_http._exporter import OtlpHttpExporter

PROTOBUF = "Content-Type: application/x-protobuf"
JSON = "Content-Type: application/json"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: application/x-protobuf\r\n\r\n"


@pytest.fixture
def reported(monkeypatch: pytest.MonkeyPatch) -> Reported:
    return capture_diagnostics(monkeypatch)


@pytest.fixture
async def server() -> AsyncIterator[RawServer]:
    async with raw_server() as running:
        yield running


async def export(server: RawServer, count: int = 5, **options: object) -> ExportResult:
    exporter = OtlpHttpExporter(server.url, **options)  # type: ignore[arg-type]
    exporter.validate()
    await exporter.start()
    try:
        return await exporter.export(request_of(count))
    finally:
        await exporter.close()


def partial(rejected: int, message: str = "") -> bytes:
    success = ExportLogsPartialSuccess(rejected_log_records=rejected, error_message=message)
    return ExportLogsServiceResponse(partial_success=success).SerializeToString()


class TestSuccess:
    @pytest.mark.parametrize("status", [200, 202, 204, 299])
    async def test_is_every_2xx(self, server: RawServer, status: int) -> None:
        server.answers = [reply(status)]

        assert await export(server) == ExportResult()

    async def test_skips_1xx_replies(self, server: RawServer) -> None:
        server.answers = [Answer(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 P\r\nX: y\r\n\r\n" + Answer().data)]

        assert await export(server) == ExportResult()

    async def test_takes_a_chunked_reply_with_extensions_and_trailers(self, server: RawServer) -> None:
        body = partial(2, "late")
        parts = (
            b"%x;a=b\r\n" % 3 + body[:3] + b"\r\n%X\r\n" % (len(body) - 3) + body[3:] + b"\r\n0\r\nX-Trailer: y\r\n\r\n"
        )
        server.answers = [Answer(CHUNKED + parts)]

        assert await export(server) == ExportResult(2, "late")

    async def test_takes_a_reply_that_ends_with_the_connection(self, server: RawServer) -> None:
        server.answers = [
            Answer(b"HTTP/1.0 200 OK\r\nContent-Type: application/x-protobuf\r\n\r\n" + partial(1), close=True)
        ]

        assert await export(server) == ExportResult(1)

    async def test_takes_a_reply_that_arrives_byte_by_byte(self) -> None:
        with OtlpReceiver(script=[Reply(rejected=1, message="slow", fault=Drip(interval=0.002))]) as receiver:
            exporter = OtlpHttpExporter(receiver.http_endpoint + "/v1/logs")
            await exporter.start()
            assert await exporter.export(request_of(3)) == ExportResult(1, "slow")
            await exporter.close()


class TestPartialSuccess:
    @pytest.mark.parametrize(("rejected", "expected"), [(0, 0), (2, 2), (5, 5), (6, 5), (-3, 0), (2**62, 5)])
    async def test_is_clamped_to_the_request(self, server: RawServer, rejected: int, expected: int) -> None:
        server.answers = [reply(200, partial(rejected, "why"), PROTOBUF)]

        assert await export(server) == ExportResult(expected, "why")

    async def test_is_read_in_json(self, server: RawServer) -> None:
        body = json.dumps({"partialSuccess": {"rejectedLogRecords": "2", "errorMessage": "why"}}).encode()
        server.answers = [reply(200, body, JSON + "; charset=utf-8")]

        assert await export(server, protocol="http/json") == ExportResult(2, "why")

    @pytest.mark.parametrize(
        ("encoding", "encode"), [("gzip", gzip.compress), ("deflate", zlib.compress), ("identity", bytes)]
    )
    async def test_is_read_though_compressed_unasked(self, server: RawServer, encoding: str, encode: object) -> None:
        server.answers = [reply(200, encode(partial(2)), PROTOBUF, f"Content-Encoding: {encoding}")]  # type: ignore[operator]

        assert await export(server) == ExportResult(2)

    async def test_has_its_message_cleaned_and_our_credentials_masked(self, server: RawServer) -> None:
        text = "\x1b[31mbad token s3cret-token and pa55word\n" + "x" * 2000
        server.answers = [reply(200, partial(1, text), PROTOBUF)]
        server_url = server.url.replace("//", "//user:pa55word@")
        exporter = OtlpHttpExporter(server_url, headers={"x-api-key": "s3cret-token"})
        await exporter.start()
        result = await exporter.export(request_of(3))
        await exporter.close()

        assert "s3cret-token" not in result.message
        assert "pa55word" not in result.message
        assert len(result.message) <= 512
        assert result.message.isprintable()


class TestUnreadableSuccess:
    @pytest.mark.parametrize(
        "answer",
        [
            reply(200, b"OK", PROTOBUF),
            reply(200, b"<html>", JSON),
            reply(200, b"\x1f\x8bbroken", PROTOBUF, "Content-Encoding: gzip"),
            reply(200, gzip.compress(b"x" * 500)[:20], PROTOBUF, "Content-Encoding: gzip"),
            reply(200, b"x", "Content-Encoding: br"),
            Answer(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf", close=True),
            Answer(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf", reset=True),
            Answer(b"HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\nhalf", close=True),
            Answer(b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhalf", close=True),
            Answer(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nhalf", hang=True),
            Answer(CHUNKED + b"zz\r\n", close=True),
            Answer(CHUNKED + b"2\r\nabX", close=True),
            Answer(CHUNKED + b"1\r\na\r\n" * 10, close=True),
            Answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", close=True),
        ],
    )
    async def test_is_success_with_a_report_and_is_not_resent(
        self, server: RawServer, reported: Reported, answer: Answer
    ) -> None:
        server.answers = [answer]

        assert await export(server) == ExportResult()
        assert reported.kinds == ["otlp_http.reply"]
        assert len(server.requests) == 1

    async def test_is_decided_before_the_attempts_time_is_up(self, server: RawServer, reported: Reported) -> None:
        server.answers = [Answer(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf", hang=True)]

        assert await asyncio.wait_for(export(server, timeout=0.5), 0.5) == ExportResult()
        assert reported.kinds == ["otlp_http.reply"]


class TestReplyBound:
    @pytest.mark.parametrize(
        "data",
        [
            b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (4 * 1024 * 1024 + 1),
            CHUNKED + (b"1000\r\n" + b"x" * 4096 + b"\r\n") * 1025,
            CHUNKED + b"1\r\nx\r\n" * 1_000_000,
            CHUNKED + b"0\r\n" + b"X-Trailer: y\r\n" * 8000,
            CHUNKED + b"0;" + b"e" * 70_000,
        ],
        ids=["until close", "chunks", "tiny chunks", "trailers", "chunk extension"],
    )
    async def test_a_larger_reply_is_cut_off_as_success_and_its_connection_closed(
        self, server: RawServer, reported: Reported, data: bytes
    ) -> None:
        server.answers = [Answer(data, hang=True)]
        exporter = OtlpHttpExporter(server.url)
        await exporter.start()

        assert await exporter.export(request_of()) == ExportResult()
        assert reported.kinds == ["otlp_http.reply"]
        server.answers = [reply(200)]
        await exporter.export(request_of())
        assert server.connections == 2
        await exporter.close()

    async def test_a_reply_of_just_4_mib_is_read(self, server: RawServer, reported: Reported) -> None:
        text = "x" * (4 * 1024 * 1024 - 20)
        server.answers = [reply(200, partial(1, text), PROTOBUF)]

        assert (await export(server)).rejected == 1
        assert reported.lines == []

    async def test_endless_headers_are_cut_off_as_retryable(self, server: RawServer) -> None:
        server.answers = [Answer(b"HTTP/1.1 200 OK\r\n" + b"X-Header: y\r\n" * 10_000, hang=True)]

        with pytest.raises(RetryableError, match="headers too long"):
            await export(server)

    @pytest.mark.parametrize("bomb", [Bomb(400), Bomb(None), Bomb(None, compressed=False)])
    def test_a_bomb_costs_at_most_8_mib(self, bomb: Bomb) -> None:
        with OtlpReceiver(script=lambda _: Reply(fault=bomb)) as receiver:
            result, kibibytes = run_client(BOMB_CLIENT, receiver.http_endpoint + "/v1/logs", "cannot be read").split(
                "|"
            )

        assert result == "ExportResult(rejected=0, message='')"
        assert int(kibibytes) <= 8 * 1024


BOMB_CLIENT = """
import resource
import structlog

async def main():
    exporter = OtlpHttpExporter(sys.argv[1])
    await exporter.start()
    request.body()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = await exporter.export(request)
    print(result, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, sep="|")
    await exporter.close()

asyncio.run(main())
"""


class TestFailure:
    @pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
    async def test_a_redirect_is_permanent_and_not_followed(self, server: RawServer, status: int) -> None:
        async with raw_server() as elsewhere:
            server.answers = [reply(status, b"", f"Location: {elsewhere.url}")]

            with pytest.raises(PermanentError) as caught:
                await export(server)

        assert caught.value.reason == f"http_{status}"
        assert elsewhere.connections == 0
        assert len(server.requests) == 1

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 408, 422, 500, 501, 505, 599])
    async def test_other_statuses_are_permanent(self, server: RawServer, status: int) -> None:
        server.answers = [reply(status, b"because", "Retry-After: 5")]

        with pytest.raises(PermanentError, match=f"HTTP {status}: because") as caught:
            await export(server)

        assert (caught.value.reason, caught.value.too_large) == (f"http_{status}", False)

    async def test_413_says_that_a_smaller_request_may_pass(self, server: RawServer) -> None:
        server.answers = [reply(413)]

        with pytest.raises(PermanentError) as caught:
            await export(server)

        assert caught.value.too_large

    async def test_so_does_the_400_that_the_collector_answers_instead(self, server: RawServer) -> None:
        server.answers = [
            reply(400, Status(code=3, message="http: request body too large").SerializeToString(), PROTOBUF)
        ]

        with pytest.raises(PermanentError) as caught:
            await export(server)

        assert caught.value.too_large

    @pytest.mark.parametrize("status", [429, 502, 503, 504])
    @pytest.mark.parametrize(
        ("headers", "delay"),
        [
            ((), None),
            (("Retry-After: 7",), 7.0),
            (("Retry-After: soon",), None),
            (("Retry-After: -7",), None),
            (("Retry-After: 31536000",), 31536000.0),
            (("Retry-After: Sun, 06 Nov 1994 08:49:37 GMT", "Date: Sun, 06 Nov 1994 08:49:30 GMT"), 7.0),
        ],
    )
    async def test_busy_servers_are_retryable_with_their_delay(
        self, server: RawServer, status: int, headers: tuple[str, ...], delay: float | None
    ) -> None:
        server.answers = [reply(status, b"busy", *headers)]

        with pytest.raises(RetryableError) as caught:
            await export(server)

        assert (caught.value.reason, caught.value.delay) == (f"http_{status}", delay)

    async def test_shows_the_message_of_a_protobuf_status(self, server: RawServer) -> None:
        server.answers = [reply(400, Status(code=3, message="no resource").SerializeToString(), PROTOBUF)]

        with pytest.raises(PermanentError, match=r"^HTTP 400: no resource$"):
            await export(server)

    async def test_shows_the_message_of_a_json_status(self, server: RawServer) -> None:
        server.answers = [reply(400, b'{"message": "no resource"}', JSON)]

        with pytest.raises(PermanentError, match=r"^HTTP 400: no resource$"):
            await export(server)

    async def test_shows_other_bodies_cut_cleaned_and_masked(self, server: RawServer) -> None:
        server.answers = [reply(401, b"<html>\x1b[2J\r\nBearer s3cret-token is bad" + b"!" * 5000, PROTOBUF)]

        with pytest.raises(PermanentError) as caught:
            await export(server, headers={"Authorization": "Bearer s3cret-token"})

        message = str(caught.value)
        assert message.startswith("HTTP 401: <html>")
        assert "s3cret" not in message
        assert message.isprintable()
        assert len(message) < 600

    async def test_status_counts_though_the_body_is_cut_off(self, server: RawServer) -> None:
        server.answers = [Answer(b"HTTP/1.1 503 Busy\r\nRetry-After: 3\r\nContent-Length: 50\r\n\r\nhalf", close=True)]

        with pytest.raises(RetryableError) as caught:
            await export(server)

        assert caught.value.delay == 3.0

    @pytest.mark.parametrize(
        "data",
        [
            b"\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x05\x00\x00\x40\x00\n\n",
            b"SSH-2.0-x\r\n\r\n",
            b"HTTP/2.0 200\r\n\r\n",
            b"\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nNo colon\r\n\r\n",
        ],
    )
    async def test_what_is_not_http_is_retryable(self, server: RawServer, data: bytes) -> None:
        server.answers = [Answer(data, close=True)]

        with pytest.raises(RetryableError) as caught:
            await export(server)

        assert caught.value.reason == "connection_failed"
