"""What the stock SDK gets wrong about delivering and stopping, each fault a test that our faces do better."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import fapilog_otel as fo
from fapilog_otel.receiver import GrpcStatus, OtlpReceiver, Reply, Script
from fapilog_otel_exporters.memory import MemoryExporter
from tests.contract.faces_support import Closing, KeepingExporter, delivered, until

GRACE = 0.5
"""Seconds beyond a deadline that the machine may take."""
NAMED = (*range(1, 13), 14)


class TestFault3FlushLies:
    @pytest.fixture
    def hung(self) -> Iterator[OtlpReceiver]:
        with OtlpReceiver(script=Script(then=Reply(delay=30.0, accept=False))) as receiver:
            yield receiver

    def provider(self, receiver: OtlpReceiver, closing: Closing, **options: Any) -> fo.LoggerProvider:
        settings = fo.Settings(endpoint=receiver.http_endpoint, shutdown_timeout=0.2, **options)
        return closing(fo.LoggerProvider(settings=settings))

    def test_it_ends_at_its_timeout_and_says_false(self, hung: OtlpReceiver, closing: Closing) -> None:
        provider = self.provider(hung, closing)
        provider.get_logger("shop").emit(body="x")
        started = time.monotonic()
        assert provider.force_flush(300) is False
        assert 0.25 < time.monotonic() - started < 0.3 + GRACE

    def test_its_default_is_the_variable(
        self, hung: OtlpReceiver, closing: Closing, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OTEL_BLRP_EXPORT_TIMEOUT", "300")
        provider = self.provider(hung, closing)
        provider.get_logger("shop").emit(body="x")
        started = time.monotonic()
        assert provider.force_flush() is False
        assert 0.25 < time.monotonic() - started < 0.3 + GRACE

    def test_after_a_refusal_it_says_false_too(self, receiver: OtlpReceiver, closing: Closing) -> None:
        receiver.script = Script([Reply(status=400)])
        provider = self.provider(receiver, closing)
        provider.get_logger("shop").emit(body="refused")
        assert provider.force_flush(5_000) is False
        provider.get_logger("shop").emit(body="taken")
        assert provider.force_flush(5_000) is True


class TestFault8OneWarningAnAttribute:
    def test_a_hundred_bad_attributes_are_no_flood(
        self, memory: MemoryExporter, provider: fo.LoggerProvider, capfd: pytest.CaptureFixture[str]
    ) -> None:
        attributes: Any = {f"k{number}": object() for number in range(100)}
        for _ in range(10):
            provider.get_logger("shop").emit(body="x", attributes=attributes)
        assert len(delivered(provider, memory)) == 10
        assert len(capfd.readouterr().err.splitlines()) <= 1


class TestFault9ResourceExhausted:
    @pytest.fixture
    def receiver(self) -> Iterator[OtlpReceiver]:
        with OtlpReceiver(http_port=None, grpc_port=0) as receiver:
            yield receiver

    def provider(self, receiver: OtlpReceiver, closing: Closing) -> fo.LoggerProvider:
        settings = fo.Settings(endpoint=receiver.grpc_endpoint, protocol="grpc", shutdown_timeout=1)
        return closing(fo.LoggerProvider(settings=settings))

    def test_is_final_without_retry_info(self, receiver: OtlpReceiver, closing: Closing) -> None:
        receiver.script = Script([Reply(grpc=GrpcStatus(code="RESOURCE_EXHAUSTED", details="quota"))])
        provider = self.provider(receiver, closing)
        provider.get_logger("shop").emit(body="x")
        assert provider.force_flush(5_000) is False
        assert provider.stats().failed_by_reason == {"grpc_resource_exhausted": 1}
        assert len(receiver.requests) == 1

    def test_is_tried_again_when_retry_info_says_so(self, receiver: OtlpReceiver, closing: Closing) -> None:
        receiver.script = Script([Reply(grpc=GrpcStatus(code="RESOURCE_EXHAUSTED", details="quota", retry_delay=0.5))])
        provider = self.provider(receiver, closing)
        provider.get_logger("shop").emit(body="x")
        assert provider.force_flush(10_000) is True
        first, second = receiver.requests
        assert second.arrived - first.arrived >= 0.45
        assert [log.body for log in receiver.logs] == ["x"]


class TestFault10OneFailingShutdownStopsTheOthers:
    def test_every_processor_is_shut_down_and_what_comes_later_is_counted(
        self, provider: fo.LoggerProvider, memory: MemoryExporter
    ) -> None:
        class Failing:
            def on_emit(self, log_record: Any) -> None: ...

            def force_flush(self, timeout_millis: int = 0) -> bool:
                raise RuntimeError("no flush")

            def shutdown(self) -> None:
                raise RuntimeError("no shutdown")

        from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor

        kept = KeepingExporter()
        provider.add_log_record_processor(Failing())
        provider.add_log_record_processor(SimpleLogRecordProcessor(kept))
        provider.get_logger("shop").emit(body="before")
        provider.shutdown()
        assert kept.shutdowns == 1
        assert len(memory.records) == 1
        provider.get_logger("shop").emit(body="after")
        stats = provider.stats()
        assert len(memory.records) == 1
        assert stats.balanced
        assert stats.delivered == 1


class TestFault12LoggersThatDoNotPropagate:
    @pytest.fixture(params=["uvicorn.error", "celery.worker", "gunicorn.access"])
    def logger(self, request: pytest.FixtureRequest) -> Iterator[logging.Logger]:
        logger = logging.getLogger(request.param)
        before = logger.propagate, logger.level
        logger.propagate = False
        logger.setLevel(logging.INFO)
        yield logger
        logger.propagate, logger.level = before

    def test_are_captured(
        self, receiver: OtlpReceiver, configure: Callable[..., fo.Handle], logger: logging.Logger
    ) -> None:
        handle = configure(endpoint=receiver.http_endpoint)
        logger.info("started")
        assert handle.flush(5)
        assert [(log.body, log.scope.name) for log in receiver.logs] == [("started", logger.name)]

    def test_ids_that_instrumentation_injected_are_not_exported_again(
        self, receiver: OtlpReceiver, configure: Callable[..., fo.Handle], logger: logging.Logger
    ) -> None:
        handle = configure(endpoint=receiver.http_endpoint)
        injected = {"otelTraceID": "a" * 32, "otelSpanID": "b" * 16, "otelTraceSampled": True, "otelServiceName": "s"}
        logger.info("started", extra={**injected, "kept": 1})
        assert handle.flush(5)
        until(lambda: receiver.logs)
        assert not set(injected) & set(receiver.logs[0].attributes)
        assert receiver.logs[0].attributes["kept"] == 1


class TestEveryFault:
    def test_has_a_test_that_is_named_after_it(self) -> None:
        text = "".join(path.read_text() for path in Path(__file__).parent.glob("test_contract_sdk_faults*.py"))
        found = {int(number) for number in re.findall(r"^class TestFault(\d+)", text, re.MULTILINE)}
        assert found >= set(NAMED)
