from __future__ import annotations

import gc
import gzip
import json
import socket
import struct
import threading
import time
import zlib
from collections.abc import Callable

import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from fapilog_otel.receiver import Bomb, Disconnect, Drip, OtlpReceiver, Reply, Script, Truncate
from tests.unit.receiver.clients import RawClient, bodies, logs_request

Connect = Callable[[], RawClient]

SPANS = ExportTraceServiceRequest()
SPANS.resource_spans.add().scope_spans.add().spans.add(name="s")


class TestSuccess:
    def test_is_an_empty_response_in_the_encoding_of_the_request(
        self, client: RawClient, receiver: OtlpReceiver
    ) -> None:
        status, headers, body = client.send(logs_request("a")).read_reply()
        assert (status, headers["content-type"], body) == (200, "application/x-protobuf", b"")
        assert bodies(receiver) == ["a"]

    def test_speaks_json_to_json(self, client: RawClient, receiver: OtlpReceiver) -> None:
        request = b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"a"}}]}]}]}'
        status, headers, body = client.send(request, content_type="application/json; charset=utf-8").read_reply()
        assert (status, headers["content-type"], json.loads(body)) == (200, "application/json", {})
        assert bodies(receiver) == ["a"]

    def test_serves_many_requests_on_one_connection(self, client: RawClient, receiver: OtlpReceiver) -> None:
        for number in range(3):
            assert client.send(logs_request(str(number))).read_reply()[1]["connection"] == "keep-alive"
        assert bodies(receiver) == ["0", "1", "2"]

    def test_serves_pipelined_requests_in_order(self, client: RawClient, receiver: OtlpReceiver) -> None:
        client.send(logs_request("a")).send(logs_request("b"), connection="close")
        assert client.read_to_end().count(b"200 OK") == 2
        assert bodies(receiver) == ["a", "b"]

    @pytest.mark.parametrize("headers", [{"connection": "close"}, {"connection": "foo, Close"}])
    def test_closes_the_connection_when_asked(self, client: RawClient, headers: dict[str, str]) -> None:
        assert b"connection: close" in client.send(logs_request("a"), **headers).read_to_end()

    def test_receives_spans_too(self, client: RawClient, receiver: OtlpReceiver) -> None:
        status, _, body = client.send(SPANS.SerializeToString(), path="/v1/traces").read_reply()
        assert (status, ExportTraceServiceResponse.FromString(body)) == (200, ExportTraceServiceResponse())
        assert [span.name for span in receiver.spans] == ["s"]

    def test_passes_over_a_prefix_and_a_query(self, client: RawClient, receiver: OtlpReceiver) -> None:
        assert client.send(logs_request("a"), path="/otlp/v1/logs?tenant=1").read_reply()[0] == 200
        assert receiver.requests[0].path == "/otlp/v1/logs"


class TestRequestBody:
    @pytest.mark.parametrize(
        ("encoding", "encode"),
        [
            ("gzip", gzip.compress),
            ("GZIP", gzip.compress),
            ("deflate", zlib.compress),
            ("deflate", lambda body: zlib.compress(body)[2:-4]),  # without the zlib wrapper
            ("identity", bytes),
            ("gzip", lambda body: gzip.compress(body[:9]) + gzip.compress(body[9:])),
        ],
    )
    def test_is_decoded(
        self, client: RawClient, receiver: OtlpReceiver, encoding: str, encode: Callable[[bytes], bytes]
    ) -> None:
        sent = encode(logs_request("a" * 100))
        assert client.send(sent, content_encoding=encoding).read_reply()[0] == 200
        assert bodies(receiver) == ["a" * 100]
        (request,) = receiver.requests
        assert (request.size, request.count, request.signal, request.transport) == (len(sent), 1, "logs", "http")
        assert request.content_encoding == encoding.lower().replace("identity", "")
        assert request.headers["content-encoding"] == encoding
        assert request.body == b""

    def test_may_come_in_chunks(self, client: RawClient, receiver: OtlpReceiver) -> None:
        body = logs_request("a")
        chunks = b"3;ext=1\r\n%b\r\n%x\r\n%b\r\n0\r\ntrailer: x\r\n\r\n" % (body[:3], len(body) - 3, body[3:])
        client.send(content_length="", transfer_encoding="chunked").send_raw(chunks)
        assert client.read_reply()[0] == 200
        assert client.send(logs_request("b")).read_reply()[0] == 200
        assert bodies(receiver) == ["a", "b"]

    def test_is_invited_when_the_client_asks_first(self, client: RawClient, receiver: OtlpReceiver) -> None:
        body = logs_request("a")
        client.send(content_length=str(len(body)), expect="100-continue")
        assert client.read_reply()[0] == 100
        assert client.send_raw(body).read_reply()[0] == 200

    def test_is_kept_when_the_receiver_keeps_bodies(self) -> None:
        with OtlpReceiver(keep_bodies=True) as receiver:
            client = RawClient(receiver.http_endpoint)
            client.send(gzip.compress(logs_request("a")), content_encoding="gzip").read_reply()
            client.close()
            assert receiver.requests[0].body == logs_request("a")

    @pytest.mark.parametrize("compress", [True, False])
    def test_over_the_limit_is_refused(self, compress: bool) -> None:
        with OtlpReceiver(max_request_bytes=100_000) as receiver:
            client = RawClient(receiver.http_endpoint)
            body = logs_request("a" * 200_000)
            sent = gzip.compress(body) if compress else body
            client.send(sent, content_encoding="gzip" if compress else "")
            status, _, reply = client.read_reply()
            client.close()
            assert status == 413
            assert "100000 bytes" in Status.FromString(reply).message
            assert receiver.logs == []

    def test_at_the_limit_is_taken(self) -> None:
        body = logs_request("a" * 1000)
        with OtlpReceiver(max_request_bytes=len(body)) as receiver:
            client = RawClient(receiver.http_endpoint)
            assert client.send(gzip.compress(body), content_encoding="gzip").read_reply()[0] == 200
            client.close()


class TestRefusal:
    @pytest.mark.parametrize(
        ("status", "request_"),
        [
            (400, {"body": b"\xff"}),
            (400, {"body": b"{", "content_type": "application/json"}),
            (400, {"body": b"\x1f\x8bgarbage", "content_encoding": "gzip"}),
            (400, {"body": gzip.compress(logs_request("a"))[:-9], "content_encoding": "gzip"}),
            (415, {"body": b"", "content_encoding": "br"}),
            (415, {"body": b"", "content_type": "text/plain"}),
            (404, {"body": b"", "path": "/v1/metrics"}),
            (405, {"body": b"", "method": "GET"}),
        ],
    )
    def test_leaves_the_connection_usable(
        self, client: RawClient, receiver: OtlpReceiver, status: int, request_: dict[str, str]
    ) -> None:
        assert client.send(**request_).read_reply()[0] == status
        assert client.send(logs_request("next")).read_reply()[0] == 200
        assert bodies(receiver) == ["next"]
        assert len(receiver.requests) == 2

    @pytest.mark.parametrize(
        ("status", "data"),
        [
            (400, b"nonsense\r\n\r\n"),
            (400, b"POST /v1/logs HTTP/1.1\r\nno colon\r\n\r\n"),
            (400, b"POST /v1/logs HTTP/1.1\r\ncontent-length: -1\r\n\r\n"),
            (400, b"POST /v1/logs HTTP/1.1\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n"),
            (400, b"POST /v1/logs HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"),
            (413, b"POST /v1/logs HTTP/1.1\r\ncontent-length: 99999999999\r\n\r\n"),
            (431, b"POST /v1/logs HTTP/1.1\r\nx: " + b"y" * 200_000 + b"\r\n\r\n"),
        ],
    )
    def test_of_a_malformed_request_ends_the_connection(self, client: RawClient, status: int, data: bytes) -> None:
        assert client.send_raw(data).read_to_end().startswith(b"HTTP/1.1 %d " % status)

    def test_explains_itself_in_a_status_message(self, client: RawClient) -> None:
        _, headers, body = client.send(b"\xff").read_reply()
        status = Status.FromString(body)
        assert headers["content-type"] == "application/x-protobuf"
        assert status.code == 3
        assert status.message.startswith("not an OTLP request")


class TestScriptedReply:
    def test_has_its_status_headers_and_body(self, client: RawClient, receiver: OtlpReceiver) -> None:
        receiver.script = Script([Reply(status=429, headers={"Retry-After": "7"}, body=b"later")])
        status, headers, body = client.send(logs_request("a")).read_reply()
        assert (status, headers["retry-after"], body) == (429, "7", b"later")
        assert bodies(receiver) == []
        assert receiver.requests[0].count == 1

    def test_gives_way_to_success_when_the_script_is_used_up(self, client: RawClient, receiver: OtlpReceiver) -> None:
        receiver.script = Script([Reply(status=503, message="busy"), Reply(status=302, headers={"Location": "/x"})])
        replies = [client.send(logs_request("a")).read_reply() for _ in range(3)]
        assert [status for status, _, _ in replies] == [503, 302, 200]
        assert Status.FromString(replies[0][2]).message == "busy"
        assert bodies(receiver) == ["a"]

    def test_can_depend_on_the_request(self, client: RawClient, receiver: OtlpReceiver) -> None:
        receiver.script = Script(lambda request: Reply(status=413) if request.count > 2 else None)
        assert client.send(logs_request("a", "b", "c")).read_reply()[0] == 413
        assert client.send(logs_request("a", "b")).read_reply()[0] == 200

    @pytest.mark.parametrize("status", [204, 304])
    def test_without_content_has_no_body(self, client: RawClient, receiver: OtlpReceiver, status: int) -> None:
        receiver.script = Script([Reply(status=status)])
        assert client.send(logs_request("a"), connection="close").read_to_end().endswith(b"\r\n\r\n")

    def test_may_have_a_status_nobody_knows(self, client: RawClient, receiver: OtlpReceiver) -> None:
        receiver.script = Script([Reply(status=599)])
        assert client.send(logs_request("a")).read_reply()[0] == 599

    def test_reports_a_partial_success_and_stores_the_rest(self, client: RawClient, receiver: OtlpReceiver) -> None:
        receiver.script = Script([Reply(rejected=2, message="too old")])
        _, _, body = client.send(logs_request("a", "b", "c")).read_reply()
        partial = ExportLogsServiceResponse.FromString(body).partial_success
        assert (partial.rejected_log_records, partial.error_message) == (2, "too old")
        assert bodies(receiver) == ["a"]

    def test_may_report_an_absurd_partial_success(self, client: RawClient, receiver: OtlpReceiver) -> None:
        receiver.script = Script([Reply(rejected=10**6), Reply(rejected=-5)])
        for count in (10**6, -5):
            _, _, body = client.send(logs_request("a")).read_reply()
            assert ExportLogsServiceResponse.FromString(body).partial_success.rejected_log_records == count
        assert bodies(receiver) == ["a"]

    def test_waits_before_it_replies(self, connect: Connect, receiver: OtlpReceiver) -> None:
        receiver.script = Script([Reply(delay=0.3)])
        slow, fast = connect(), connect()
        started = time.monotonic()
        slow.send(logs_request("slow"))
        receiver.wait_for_requests(1, 5)
        fast.send(logs_request("fast")).read_reply()
        assert time.monotonic() - started < 0.3
        slow.read_reply()
        assert time.monotonic() - started >= 0.3

    def test_may_come_before_the_body_has_been_read(self, client: RawClient, receiver: OtlpReceiver) -> None:
        receiver.script = Script([Reply(status=401, early=True)])
        client.send(content_length="1000000")
        assert client.read_reply()[0] == 401
        assert receiver.requests[0].count == 0


class TestFault:
    def test_disconnect_sends_nothing_and_stores_nothing(self, client: RawClient, receiver: OtlpReceiver) -> None:
        receiver.script = Script([Reply(fault=Disconnect())])
        assert client.send(logs_request("a")).read_to_end() == b""
        assert bodies(receiver) == []

    def test_disconnect_may_come_after_storing(self, client: RawClient, receiver: OtlpReceiver) -> None:
        receiver.script = Script([Reply(fault=Disconnect(), accept=True)])
        assert client.send(logs_request("a")).read_to_end() == b""
        assert bodies(receiver) == ["a"]

    def test_disconnect_may_be_a_reset(self, client: RawClient, receiver: OtlpReceiver) -> None:
        receiver.script = Script([Reply(fault=Disconnect(reset=True))])
        client.send(logs_request("a"))
        with pytest.raises(ConnectionResetError):
            client.read_to_end()

    def test_truncate_stops_after_so_many_bytes(self, client: RawClient, receiver: OtlpReceiver) -> None:
        receiver.script = Script([Reply(body=b"12345", fault=Truncate(10))])
        assert client.send(logs_request("a")).read_to_end() == b"HTTP/1.1 2"

    def test_truncate_may_count_from_the_end(self, client: RawClient, receiver: OtlpReceiver) -> None:
        receiver.script = Script([Reply(body=b"12345", fault=Truncate(-2))])
        data = client.send(logs_request("a")).read_to_end()
        assert data.endswith(b"123")
        assert b"content-length: 5" in data

    def test_drip_outlives_any_single_read_timeout(self, client: RawClient, receiver: OtlpReceiver) -> None:
        receiver.script = Script([Reply(body=b"x", fault=Drip(interval=0.01, size=20))])
        started = time.monotonic()
        client.send(logs_request("a"))
        arrivals = [client.socket.recv(1024)]
        while not arrivals[-1].endswith(b"\r\n\r\nx"):
            arrivals.append(arrivals[-1] + client.socket.recv(1024))
        assert len(arrivals) >= 3
        assert time.monotonic() - started >= 0.01 * len(arrivals[-1]) / 20

    def test_bomb_decodes_to_its_full_size(self, client: RawClient, receiver: OtlpReceiver) -> None:
        receiver.script = Script([Reply(fault=Bomb(mebibytes=8))])
        data = client.send(logs_request("a")).read_to_end()
        head, _, chunks = data.partition(b"\r\n\r\n")
        assert b"content-encoding: gzip" in head
        assert len(gzip.decompress(dechunk(chunks))) == 8 * 1024 * 1024
        assert len(data) < 100_000

    def test_bomb_may_be_plain(self, client: RawClient, receiver: OtlpReceiver) -> None:
        receiver.script = Script([Reply(fault=Bomb(mebibytes=2, compressed=False))])
        _, _, chunks = client.send(logs_request("a")).read_to_end().partition(b"\r\n\r\n")
        assert dechunk(chunks) == bytes(2 * 1024 * 1024)

    def test_bomb_may_come_without_chunks(self, client: RawClient, receiver: OtlpReceiver) -> None:
        receiver.script = Script([Reply(fault=Bomb(mebibytes=1, compressed=False, chunked=False))])
        head, _, body = client.send(logs_request("a")).read_to_end().partition(b"\r\n\r\n")
        assert b"transfer-encoding" not in head
        assert body == bytes(1024 * 1024)

    def test_bomb_may_be_in_the_headers(self, client: RawClient, receiver: OtlpReceiver) -> None:
        receiver.script = Script([Reply(fault=Bomb(mebibytes=1, place="headers"))])
        head, end, body = client.send(logs_request("a")).read_to_end().partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert head.count(b"\r\nx-bomb: ") == 1024
        assert (end, body) == (b"\r\n\r\n", b"")

    def test_bomb_may_be_in_the_trailers(self, client: RawClient, receiver: OtlpReceiver) -> None:
        receiver.script = Script([Reply(fault=Bomb(mebibytes=1, place="trailers"))])
        head, _, rest = client.send(logs_request("a")).read_to_end().partition(b"\r\n\r\n")
        assert b"transfer-encoding: chunked" in head
        assert rest.startswith(b"0\r\nx-bomb: ")
        assert rest.count(b"x-bomb: ") == 1024
        assert rest.endswith(b"\r\n\r\n")

    def test_bomb_without_end_lasts_until_the_client_leaves(self, connect: Connect, receiver: OtlpReceiver) -> None:
        receiver.script = Script([Reply(fault=Bomb(mebibytes=None))])
        victim, other = connect(), connect()
        victim.send(logs_request("a"))
        received = 0
        while received < 100_000:
            received += len(victim.socket.recv(65536))
        assert other.send(logs_request("b")).read_reply()[0] == 200


class TestConnection:
    def test_ends_when_the_receiver_stops(self, client: RawClient, receiver: OtlpReceiver) -> None:
        receiver.script = Script([Reply(delay=60)])
        client.send(logs_request("a"))
        receiver.wait_for_requests(1, 5)
        started = time.monotonic()
        receiver.stop()
        assert client.read_to_end() == b""
        assert time.monotonic() - started < 2
        with pytest.raises(ConnectionRefusedError):
            RawClient(receiver.http_endpoint)

    def test_left_open_is_no_error_when_the_receiver_stops(
        self, client: RawClient, receiver: OtlpReceiver, caplog: pytest.LogCaptureFixture
    ) -> None:
        client.send(logs_request("a")).read_reply()
        receiver.stop()
        gc.collect()
        assert caplog.records == []

    def test_that_breaks_off_does_no_harm(self, connect: Connect, receiver: OtlpReceiver) -> None:
        for data in (b"", b"POST /v1", b"POST /v1/logs HTTP/1.1\r\ncontent-length: 10\r\n\r\nabc"):
            broken = connect().send_raw(data)
            broken.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            broken.close()
        assert connect().send(logs_request("a")).read_reply()[0] == 200

    def test_is_one_of_many_at_once(self, connect: Connect, receiver: OtlpReceiver) -> None:
        def send(client: RawClient) -> None:
            for number in range(20):
                client.send(logs_request(str(number))).read_reply()

        threads = [threading.Thread(target=send, args=(connect(),)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(receiver.logs) == 160


def dechunk(data: bytes) -> bytes:
    """Undo chunked transfer encoding."""
    body = b""
    while True:
        size, _, data = data.partition(b"\r\n")
        if not int(size, 16):
            return body
        body += data[: int(size, 16)]
        data = data[int(size, 16) + 2 :]
