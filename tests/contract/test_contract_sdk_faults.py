"""What the stock SDK gets wrong, each fault a test that our faces do better."""

from __future__ import annotations

import logging
import os
import time
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider as SdkLoggerProvider
from opentelemetry.sdk._logs import LoggingHandler, ReadableLogRecord
from opentelemetry.sdk._logs.export import LogRecordExportResult
from opentelemetry.sdk.resources import Resource

import fapilog_otel as fo
from fapilog_otel.receiver import OtlpReceiver, Reply, Script
from fapilog_otel_exporters.memory import MemoryExporter
from tests.contract.faces_support import Closing, delivered, run_python

DEAD = "http://127.0.0.1:1"


class Unprintable:
    def __str__(self) -> str:
        raise RuntimeError("no text")


class Uniterable(dict[str, Any]):
    def __iter__(self) -> Any:
        raise RuntimeError("no items")

    def keys(self) -> Any:
        raise RuntimeError("no keys")

    def items(self) -> Any:
        raise RuntimeError("no items")


def cycle() -> list[Any]:
    items: list[Any] = []
    items.append(items)
    return items


def nested(levels: int) -> Any:
    value: Any = "deep"
    for _ in range(levels):
        value = [value]
    return value


BAD: dict[str, Callable[[], Any]] = {
    "lone surrogate": lambda: "\ud800",
    "huge integer": lambda: 2**70,
    "set": lambda: {1, "a"},
    "object": object,
    "unprintable": Unprintable,
    "cycle": cycle,
    "deep": lambda: nested(1_000),
    "odd keys": lambda: {1: 2, None: 3, ("t",): 4},
    "uniterable": lambda: Uniterable(a=1),
    "class": lambda: Unprintable,
    "exception": lambda: ValueError("x"),
    "infinity": lambda: float("inf"),
    "memoryview": lambda: memoryview(b"abc"),
}


@pytest.mark.parametrize("make", BAD.values(), ids=BAD.keys())
class TestFault1OneBadRecordLosesItsBatch:
    def test_under_our_provider(
        self, provider: fo.LoggerProvider, memory: MemoryExporter, make: Callable[[], Any]
    ) -> None:
        logger: Any = provider.get_logger("shop")
        logger.emit(body="good 1")
        logger.emit(body=make(), attributes={"bad": make()})
        logger.info(make(), bad=make())
        logger.emit(LogRecord(body=make(), attributes={"bad": make()}))
        logger.emit(body="good 2")
        bodies = [record.body for record in delivered(provider, memory)]
        assert len(bodies) == 5
        assert {"good 1", "good 2"} <= {body for body in bodies if isinstance(body, str)}

    def test_under_a_stock_provider(self, memory: MemoryExporter, closing: Closing, make: Callable[[], Any]) -> None:
        processor = closing(fo.FapilogLogRecordProcessor(memory))
        stock = SdkLoggerProvider(shutdown_on_exit=False)
        stock.add_log_record_processor(processor)
        for body in ("good 1", make(), "good 2"):
            stock.get_logger("shop").emit(body=body)
        assert processor.force_flush(5_000)
        assert len(memory.records) == 3

    def test_in_an_exported_batch(self, receiver: OtlpReceiver, closing: Closing, make: Callable[[], Any]) -> None:
        exporter = closing(fo.FapilogLogRecordExporter(receiver.http_endpoint + "/v1/logs"))
        batch = [
            ReadableLogRecord(LogRecord(body=body, attributes={"bad": make()}), Resource({}))
            for body in ("good 1", make(), "good 2")
        ]
        assert exporter.export(batch) is LogRecordExportResult.SUCCESS
        assert len(receiver.logs) == 3


class TestFault2RepliesAreNotRead:
    def test_rejected_records_are_counted_and_a_redirect_is_a_failure(
        self, receiver: OtlpReceiver, closing: Closing
    ) -> None:
        receiver.script = Script([Reply(rejected=1), Reply(status=302, headers={"Location": receiver.http_endpoint})])
        provider = closing(fo.LoggerProvider(settings=fo.Settings(endpoint=receiver.http_endpoint)))
        provider.get_logger("shop").emit(body="rejected")
        assert provider.force_flush(5_000) is False
        provider.get_logger("shop").emit(body="redirected")
        assert provider.force_flush(5_000) is False
        assert provider.stats().failed_by_reason == {"rejected": 1, "http_302": 1}
        assert len(receiver.requests) == 2


class TestFault4ShutdownWithADeadEndpoint:
    def test_2000_records_do_not_hold_it_up(self) -> None:
        provider = fo.LoggerProvider(settings=fo.Settings(endpoint=DEAD, shutdown_timeout=1.0))
        logger = provider.get_logger("shop")
        for number in range(2_000):
            logger.emit(body=number)
        started = time.monotonic()
        assert provider.shutdown() is False
        assert time.monotonic() - started < 1.5
        stats = provider.stats()
        assert (stats.submitted, stats.in_flight, stats.balanced) == (2_000, 0, True)

    def test_nor_does_the_process_hang(self) -> None:
        started = time.monotonic()
        run_python(
            """
            import fapilog_otel as fo
            provider = fo.LoggerProvider()
            for number in range(2000):
                provider.get_logger("shop").emit(body=number)
            print(1)
            """,
            OTEL_EXPORTER_OTLP_ENDPOINT=DEAD,
            FAPILOG_OTEL_SHUTDOWN_TIMEOUT="1",
        )
        assert time.monotonic() - started < 10


class TestFault5AFullQueueDropsInSilence:
    def test_what_is_dropped_is_the_least_severe_and_is_counted(self, closing: Closing) -> None:
        settings = fo.Settings(endpoint=DEAD, max_queue_bytes=524_288, max_request_size=32_768, shutdown_timeout=0.2)
        provider = closing(fo.LoggerProvider(settings=settings))
        logger: Any = provider.get_logger("shop")
        for number in range(5_000):
            logger.debug("d" * 200)
            if number % 100 == 0:
                logger.error("e" * 200)
        stats = provider.stats()
        assert stats.balanced
        assert stats.lanes["error"].dropped == 0
        assert stats.dropped_by_reason["queue_full"] == stats.lanes["debug"].dropped > 1_000


class TestFault6OneLogBecomesMany:
    @pytest.fixture
    def root_at_debug(self) -> Any:
        root = logging.getLogger()
        level = root.level
        root.setLevel(logging.DEBUG)
        yield root
        root.setLevel(level)

    def test_a_root_logger_at_debug_sends_one_record_for_one(
        self, receiver: OtlpReceiver, configure: Callable[..., fo.Handle], root_at_debug: logging.Logger
    ) -> None:
        handle = configure(endpoint=receiver.http_endpoint, level="TRACE")
        logging.getLogger("app").info("one")
        for _ in range(3):
            assert handle.flush(5)
        assert [log.body for log in receiver.logs] == ["one"]

    def test_nor_does_a_stock_exporter_inside_feed_back(
        self, receiver: OtlpReceiver, configure: Callable[..., fo.Handle], root_at_debug: logging.Logger
    ) -> None:
        from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter

        exporter = OTLPLogExporter(receiver.http_endpoint + "/v1/logs")
        handle = configure(exporters={"stock": {"type": "sdk_adapter", "exporter": exporter}}, level="TRACE")
        logging.getLogger("app").info("one")
        for _ in range(3):
            assert handle.flush(5)
        assert [log.body for log in receiver.logs] == ["one"]

    def test_the_applications_own_use_of_a_transport_library_still_arrives(
        self, receiver: OtlpReceiver, configure: Callable[..., fo.Handle], root_at_debug: logging.Logger
    ) -> None:
        handle = configure(endpoint=receiver.http_endpoint, level="TRACE")
        logging.getLogger("urllib3.connectionpool").debug("the application's request")
        assert handle.flush(5)
        assert [log.body for log in receiver.logs] == ["the application's request"]


class TestFault7ABrokenFormatReachesTheApplication:
    def test_stdlib_and_own_logger_deliver_it_instead(
        self, receiver: OtlpReceiver, configure: Callable[..., fo.Handle], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(logging, "raiseExceptions", False)  # stdlib's own handlers print it
        handle = configure(endpoint=receiver.http_endpoint)
        logging.getLogger("app").warning("%d", "x")
        fo.get_logger("own").warning("%d", "x")
        assert handle.flush(5)
        assert len(receiver.logs) == 2


class TestFault8LimitsDropTheWrongThings:
    def test_the_exception_stays_bytes_are_cut_and_depth_ends(self, memory: MemoryExporter, closing: Closing) -> None:
        settings = fo.Settings(exporters={"memory": memory}, limits={"attributes": 4, "value_length": 5, "depth": 3})
        provider = closing(fo.LoggerProvider(settings=settings))
        attributes = {"bytes": b"0123456789", "deep": nested(10), **dict.fromkeys("abcdef", 1)}
        provider.get_logger("shop").emit(body="x", attributes=attributes, exception=ValueError("boom"))
        (record,) = delivered(provider, memory)
        assert {"exception.type", "exception.message", "exception.stacktrace"} <= set(record.attributes)
        assert record.attributes["bytes"] == b"01234"
        assert record.dropped_attributes_count == 7

    def test_depth(self, memory: MemoryExporter, closing: Closing) -> None:
        settings = fo.Settings(exporters={"memory": memory}, limits={"depth": 3})
        provider = closing(fo.LoggerProvider(settings=settings))
        provider.get_logger("shop").emit(body=nested(10))
        assert delivered(provider, memory)[0].body == [[["[depth limit]"]]]


class TestFault9Grpc:
    def test_no_compression_is_understood(self, closing: Closing, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
        with OtlpReceiver(http_port=None, grpc_port=0) as receiver:
            monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.grpc_endpoint)
            provider = closing(fo.LoggerProvider())
            provider.get_logger("shop").emit(body="x")
            assert provider.force_flush(5_000)
            assert [log.body for log in receiver.logs] == ["x"]


class TestFault10ErrorsReachTheApplication:
    def test_through_a_logging_handler_of_the_sdk_too(
        self, provider: fo.LoggerProvider, memory: MemoryExporter
    ) -> None:
        class Raising:
            def on_emit(self, log_record: Any) -> None:
                raise RuntimeError

        provider.add_log_record_processor(Raising())
        logger = logging.getLogger("fault10")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            handler = LoggingHandler(logger_provider=provider)  # type: ignore[arg-type]
        logger.addHandler(handler)
        try:
            logger.error("x")
        finally:
            logger.removeHandler(handler)
        assert provider.engine is not None
        assert provider.engine.flush(5)
        assert [(record.body, record.severity_number) for record in memory.records] == [("x", 17)]


class TestFault11NoMinimumSeverityAndNoTraceBasedFilter:
    def test_both_are_settings(self, memory: MemoryExporter, closing: Closing) -> None:
        settings = fo.Settings(exporters={"memory": memory}, level="INFO", sample=0.0)
        provider = closing(fo.LoggerProvider(settings=settings))
        logger = provider.get_logger("shop")
        logger.emit(severity_number=SeverityNumber.DEBUG, body="below")
        logger.emit(severity_number=SeverityNumber.ERROR, body="above")
        assert [record.body for record in delivered(provider, memory)] == ["above"]


class TestFault14TheGrpcChannelAfterAFork:
    @pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform has no fork")
    @pytest.mark.parametrize("face", ["provider", "processor", "exporter"])
    def test_both_sides_deliver(self, face: str) -> None:
        found = run_python(
            """
            import json, os, signal
            import fapilog_otel as fo
            from fapilog_otel.receiver import OtlpReceiver
            from opentelemetry.sdk._logs import LoggerProvider
            from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor

            reading, writing = os.pipe()
            server = os.fork()  # the receiver has a process of its own: its gRPC server must not see our fork
            if server == 0:
                receiver = OtlpReceiver(http_port=None, grpc_port=0).start()
                os.write(writing, receiver.grpc_endpoint.encode())
                logs = receiver.wait_for_logs(3, 20)
                os.write(writing, json.dumps(sorted(log.body for log in logs)).encode())
                signal.pause()  # the last request is still to be answered
            endpoint = os.read(reading, 1024).decode()
            settings = fo.Settings(endpoint=endpoint, protocol="grpc")
            if os.environ["FACE"] == "provider":
                provider = fo.LoggerProvider(settings=settings)
            else:
                provider = LoggerProvider()
                provider.add_log_record_processor(
                    fo.FapilogLogRecordProcessor(settings=settings) if os.environ["FACE"] == "processor"
                    else SimpleLogRecordProcessor(fo.FapilogLogRecordExporter(settings=settings)))
            logger = provider.get_logger("shop")
            logger.emit(body="before")
            assert provider.force_flush(5000)
            pid = os.fork()
            if pid == 0:
                logger.emit(body="child")
                os._exit(0 if provider.force_flush(5000) else 1)
            assert os.waitpid(pid, 0)[1] == 0
            logger.emit(body="parent")
            assert provider.force_flush(5000)
            print(os.read(reading, 4096).decode())
            os.kill(server, signal.SIGKILL)
            """,
            FACE=face,
        )
        assert found == ["before", "child", "parent"]
