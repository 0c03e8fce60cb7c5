"""What the three faces say of records that they lose: one line a reason, with cause and remedy."""

from __future__ import annotations

import re
from typing import Any

import pytest
from opentelemetry._logs import LogRecord
from opentelemetry.sdk._logs import LoggerProvider, ReadableLogRecord
from opentelemetry.sdk.resources import Resource

import fapilog_otel as fo
from fapilog_otel.receiver import OtlpReceiver, Reply, Script
from fapilog_otel.telemetry.diagnostics import get_diagnostics

BATCH = [ReadableLogRecord(LogRecord(body="x"), Resource({}))] * 3


def about(said: list[str], reason: str) -> str:
    (line,) = [line for line in said if re.search(rf"\breason={reason}\b", line)]
    assert "cause=" in line
    assert "remedy=" in line
    return line


def hanging(receiver: OtlpReceiver) -> fo.Settings:
    receiver.script = Script(then=Reply(delay=30))
    return fo.Settings(endpoint=receiver.http_endpoint, schedule_delay=0.01)


class TestExporter:
    def test_after_its_shutdown(self, receiver: OtlpReceiver) -> None:
        exporter = fo.FapilogLogRecordExporter(receiver.http_endpoint + "/v1/logs")
        exporter.shutdown()
        with get_diagnostics().collected() as said:
            exporter.export(BATCH)
        about(said, "already_shutdown")

    def test_of_a_record_that_is_too_large(self, receiver: OtlpReceiver) -> None:
        exporter = fo.FapilogLogRecordExporter(receiver.http_endpoint + "/v1/logs", max_request_size=1000)
        large = ReadableLogRecord(LogRecord(body="x" * 5000), Resource({}))
        with get_diagnostics().collected() as said:
            exporter.export([large])
        assert "it was not sent" in about(said, "RequestPayloadTooLargeError")
        exporter.shutdown()

    def test_of_a_batch_whose_stage_raises_what_no_chain_contains(
        self, receiver: OtlpReceiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        exporter = fo.FapilogLogRecordExporter(receiver.http_endpoint + "/v1/logs")

        def broken(*arguments: object) -> None:
            raise RuntimeError("broken")

        monkeypatch.setattr(exporter, "_requests", broken)
        with get_diagnostics().collected() as said:
            exporter.export(BATCH)
        assert "RuntimeError" in about(said, "error")
        exporter.shutdown()

    def test_of_a_request_for_which_no_time_is_left(
        self, receiver: OtlpReceiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        exporter = fo.FapilogLogRecordExporter(receiver.http_endpoint + "/v1/logs")
        monkeypatch.setattr(exporter._sender, "send", lambda request, deadline: None)
        with get_diagnostics().collected() as said:
            exporter.export(BATCH)
        about(said, "timeout")
        assert exporter.outcomes == {"timeout": 3}
        exporter.shutdown()


class TestShutdown:
    @pytest.mark.parametrize("face", ["provider", "processor"])
    def test_says_how_many_it_gave_up(self, receiver: OtlpReceiver, face: str) -> None:
        settings = hanging(receiver)
        stock = LoggerProvider(Resource({}))
        target: Any
        if face == "provider":
            target = logs = fo.LoggerProvider(settings=settings)
        else:
            target, logs = fo.FapilogLogRecordProcessor(settings=settings), stock
            stock.add_log_record_processor(target)
        for _ in range(4):
            logs.get_logger("shop").emit(LogRecord(body="x"))
        with get_diagnostics().collected() as said:
            target.shutdown(300)
            target.shutdown(300)
        (line,) = [line for line in said if "shutdown deadline" in line]
        assert line.startswith("4 records were not delivered before the shutdown deadline (")
        assert "remedy=give shutdown() more than 0.3 s" in line

    def test_of_a_handle_is_said_once(self, receiver: OtlpReceiver) -> None:
        handle = fo.configure(settings=hanging(receiver), sources=[])
        fo.get_logger("shop").info("x")
        with get_diagnostics().collected() as said:
            handle.shutdown(0.3)
        assert len([line for line in said if "shutdown deadline" in line]) == 1

    def test_that_delivers_everything_says_nothing(self, receiver: OtlpReceiver) -> None:
        provider = fo.LoggerProvider(settings=fo.Settings(endpoint=receiver.http_endpoint))
        provider.get_logger("shop").emit(body="x")
        with get_diagnostics().collected() as said:
            assert provider.shutdown(5_000)
        assert said == []
