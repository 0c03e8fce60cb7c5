"""Connections: kept alive, found dead, broken, cancelled, and opened to the right address."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
from otlp_support import Answer, RawServer, open_descriptors, raw_server, reply, request_of, until

from fapilog_otel.errors import RetryableError
from fapilog_otel.receiver import Disconnect, OtlpReceiver, Reply, Truncate
from fapilog_otel_exporters import _resolver
from fapilog_otel_exporters._resolver import Address
from fapilog_otel_exporters.otlp_http import _client, _dial
from fapilog_otel_exporters.otlp_http._exporter import OtlpHttpExporter


@pytest.fixture
async def server() -> AsyncIterator[RawServer]:
    async with raw_server() as running:
        yield running


@pytest.fixture
async def exporter(server: RawServer) -> AsyncIterator[OtlpHttpExporter]:
    running = OtlpHttpExporter(server.url)
    await running.start()
    yield running
    await running.close()


class TestKeepAlive:
    async def test_one_connection_serves_requests_one_after_the_other(
        self, server: RawServer, exporter: OtlpHttpExporter
    ) -> None:
        for _ in range(5):
            await exporter.export(request_of())

        assert (server.connections, len(server.requests)) == (1, 5)

    async def test_requests_at_once_have_connections_of_their_own_that_are_kept(
        self, server: RawServer, exporter: OtlpHttpExporter
    ) -> None:
        for _ in range(3):
            await asyncio.gather(*(exporter.export(request_of()) for _ in range(4)))

        assert (server.connections, len(server.requests)) == (4, 12)

    @pytest.mark.parametrize(
        "answer",
        [
            reply(200, b"", "Connection: close"),
            Answer(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"),
            Answer(Answer().data + b"HTTP/1.1 200 OK\r\n"),
        ],
        ids=["connection close", "http 1.0", "more than one reply"],
    )
    async def test_a_connection_is_not_used_again_when_that_is_not_safe(
        self, server: RawServer, exporter: OtlpHttpExporter, answer: Answer
    ) -> None:
        server.answers = [answer]
        for _ in range(2):
            await exporter.export(request_of())

        assert server.connections == 2

    async def test_a_connection_closed_while_idle_is_replaced_unnoticed(
        self, server: RawServer, exporter: OtlpHttpExporter
    ) -> None:
        await exporter.export(request_of())
        server.drop_all()
        await until(lambda: server.open == 0)
        await asyncio.sleep(0)

        await exporter.export(request_of())
        assert (server.connections, len(server.requests)) == (2, 2)

    @pytest.mark.parametrize("reset", [False, True])
    async def test_a_connection_closed_in_the_moment_of_its_reuse_is_retried_once(
        self, server: RawServer, exporter: OtlpHttpExporter, reset: bool
    ) -> None:
        await exporter.export(request_of())
        server.answers = [Answer(b"", close=not reset, reset=reset), reply(200)]

        await exporter.export(request_of())
        assert (server.connections, len(server.requests)) == (2, 3)

    async def test_a_new_connection_closed_without_a_reply_is_retryable(
        self, server: RawServer, exporter: OtlpHttpExporter
    ) -> None:
        server.answers = [Answer(b"", close=True)]

        with pytest.raises(RetryableError) as caught:
            await exporter.export(request_of())

        assert caught.value.reason == "connection_closed"
        assert len(server.requests) == 1

    async def test_a_reused_connection_that_ends_after_a_part_of_the_reply_is_retryable(
        self, server: RawServer, exporter: OtlpHttpExporter
    ) -> None:
        await exporter.export(request_of())
        server.answers = [Answer(b"HTTP/1.1 2", close=True)]

        with pytest.raises(RetryableError):
            await exporter.export(request_of())
        assert len(server.requests) == 2

    async def test_a_reused_connection_that_ends_only_after_a_while_is_retryable(
        self, server: RawServer, exporter: OtlpHttpExporter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(_client, "_AT_ONCE_SECONDS", 0.02)
        await exporter.export(request_of())
        server.answers = [Answer(b"", pause=0.1, close=True)]

        with pytest.raises(RetryableError):
            await exporter.export(request_of())
        assert len(server.requests) == 2

    @pytest.mark.parametrize("limit", ["IDLE_SECONDS", "AGE_SECONDS"])
    async def test_an_old_connection_is_replaced(
        self, server: RawServer, exporter: OtlpHttpExporter, limit: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await exporter.export(request_of())
        monkeypatch.setattr(_client, limit, 0.0)
        await asyncio.sleep(0.001)

        await exporter.export(request_of())
        assert server.connections == 2


class TestFaults:
    async def test_a_reply_cut_off_at_any_byte_is_retryable_or_a_success(self, server: RawServer) -> None:
        whole = reply(200, b"\x0a\x02\x08\x01", "Content-Type: application/x-protobuf", "X-Filler: " + "y" * 20).data
        head = whole.index(b"\r\n\r\n") + 4
        exporter = OtlpHttpExporter(server.url)
        await exporter.start()
        for offset in range(len(whole)):
            server.answers = [Answer(whole[:offset], close=True)]
            if offset < head:
                with pytest.raises(RetryableError):
                    await exporter.export(request_of())
            else:
                assert (await exporter.export(request_of())).rejected == 0
        await exporter.close()

        assert len(server.requests) == server.connections == len(whole)

    @pytest.mark.parametrize("fault", [Disconnect(), Disconnect(reset=True), Truncate(5), Truncate(20, reset=True)])
    async def test_a_connection_lost_before_the_head_ended_is_retryable(self, fault: object) -> None:
        with OtlpReceiver(script=lambda _: Reply(fault=fault)) as receiver:  # type: ignore[arg-type]
            exporter = OtlpHttpExporter(receiver.http_endpoint + "/v1/logs")
            await exporter.start()
            with pytest.raises(RetryableError) as caught:
                await exporter.export(request_of())
            await exporter.close()

        assert caught.value.reason in {"connection_closed", "connection_reset"}

    async def test_a_refused_connection_is_retryable(self) -> None:
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            exporter = OtlpHttpExporter(f"http://127.0.0.1:{sock.getsockname()[1]}/")
            await exporter.start()
            with pytest.raises(RetryableError) as caught:
                await exporter.export(request_of())
            await exporter.close()

        assert caught.value.reason == "connection_refused"

    async def test_an_unknown_host_is_retryable(self) -> None:
        exporter = OtlpHttpExporter("http://no-such-host.invalid/v1/logs")
        await exporter.start()
        with pytest.raises(RetryableError) as caught:
            await exporter.export(request_of())
        await exporter.close()

        assert caught.value.reason.startswith("connection")

    async def test_a_refusal_sent_before_the_body_is_read_is_seen(self) -> None:
        request = request_of(20_000, "x" * 400)
        with OtlpReceiver(script=[Reply(status=413, early=True)]) as receiver:
            exporter = OtlpHttpExporter(receiver.http_endpoint + "/v1/logs")
            await exporter.start()
            with pytest.raises(Exception, match="HTTP 413") as caught:
                await exporter.export(request)
            await exporter.close()

        assert getattr(caught.value, "too_large", False)

    async def test_a_server_that_speaks_without_reading_does_not_hang_the_request(
        self, server: RawServer, exporter: OtlpHttpExporter
    ) -> None:
        server.answers = [reply(429, b"", "Retry-After: 2", early=True, hang=True)]

        with pytest.raises(RetryableError) as caught:
            await asyncio.wait_for(exporter.export(request_of(60_000, "x" * 400)), 10)
        assert caught.value.delay == 2.0


class TestCancellation:
    @pytest.mark.parametrize("data", [b"", b"HTTP/1.1 200 OK\r\nContent-"])
    async def test_closes_the_connection_and_leaves_the_exporter_usable(
        self, server: RawServer, exporter: OtlpHttpExporter, data: bytes
    ) -> None:
        server.answers = [Answer(data, hang=True), reply(200)]
        task = asyncio.ensure_future(exporter.export(request_of()))
        await until(lambda: server.requests)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: server.open == 0)

        await exporter.export(request_of())
        assert server.connections == 2

    async def test_while_sending_leaves_no_half_request_behind(
        self, server: RawServer, exporter: OtlpHttpExporter
    ) -> None:
        server.answers = [Answer(b"", early=True, hang=True), reply(200)]
        task = asyncio.ensure_future(exporter.export(request_of(60_000, "x" * 400)))
        await until(lambda: server.requests)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        await exporter.export(request_of())
        assert server.connections == 2

    async def test_while_connecting_closes_the_socket(self, monkeypatch: pytest.MonkeyPatch) -> None:
        exporter = OtlpHttpExporter("http://192.0.2.1:9/")  # TEST-NET-1: never answers, or is refused at once
        await exporter.start()
        before = open_descriptors()
        task = asyncio.ensure_future(exporter.export(request_of()))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises((asyncio.CancelledError, RetryableError)):
            await task

        assert not [stream for stream in exporter._dialer._open if not stream._closed]  # type: ignore[union-attr]
        assert open_descriptors() <= before
        await exporter.close()


class TestAddresses:
    async def test_are_tried_in_order_and_the_good_one_first_next_time(
        self, server: RawServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tried: list[Address] = []
        with socket.socket() as dead:
            dead.bind(("127.0.0.1", 0))
            addresses = (
                Address(socket.AF_INET, ("127.0.0.1", dead.getsockname()[1])),
                Address(socket.AF_INET, ("127.0.0.1", server.port)),
            )
            monkeypatch.setattr(_resolver, "_addresses", lambda _host, _port, flags: () if flags else addresses)
            real = _dial.TcpStream.to
            monkeypatch.setattr(_dial.TcpStream, "to", lambda address: tried.append(address) or real(address))
            exporter = OtlpHttpExporter("http://collector.example:4318/v1/logs")
            await exporter.start()
            await exporter.export(request_of())
            server.drop_all()
            await until(lambda: server.open == 0)
            await exporter.export(request_of())
            await exporter.close()

        assert tried == [addresses[0], addresses[1], addresses[1]]
        assert server.requests[0][1]["host"] == "collector.example:4318"

    async def test_one_that_does_not_answer_gets_little_time_while_there_are_others(
        self, server: RawServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # A listener whose backlog is full lets a connection attempt hang.
        with socket.socket() as full, socket.socket() as first, socket.socket() as second:
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            for sock in (first, second):
                sock.setblocking(False)
                sock.connect_ex(full.getsockname())
            addresses = (
                Address(socket.AF_INET, full.getsockname()),
                Address(socket.AF_INET, ("127.0.0.1", server.port)),
            )
            monkeypatch.setattr(_resolver, "_addresses", lambda _host, _port, flags: () if flags else addresses)
            monkeypatch.setattr(_dial, "ADDRESS_SECONDS", 0.1)
            exporter = OtlpHttpExporter("http://collector.example:4318/v1/logs")
            await exporter.start()
            await asyncio.wait_for(exporter.export(request_of()), 5)
            await exporter.close()

        assert server.connections == 1

    async def test_an_ipv6_literal_is_reached(self) -> None:
        async with raw_server(host="::1") as server:
            exporter = OtlpHttpExporter(f"http://[::1]:{server.port}/v1/logs")
            await exporter.start()
            await exporter.export(request_of())
            await exporter.close()

        assert server.requests[0][1]["host"] == f"[::1]:{server.port}"
