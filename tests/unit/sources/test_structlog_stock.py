"""OpenTelemetry's own processor for structlog in the chain of an application that our source captures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from opentelemetry.instrumentation.structlog import StructlogProcessor
from opentelemetry.sdk._logs import LoggerProvider as SdkProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor

import fapilog_otel as fo
from fapilog_otel.settings import load_settings
from fapilog_otel.sources.structlog import StructlogSource
from fapilog_otel.telemetry.diagnostics import get_diagnostics
from fapilog_otel_exporters.memory import MemoryExporter


class Ours:
    def __init__(self) -> None:
        self.memory = MemoryExporter()
        self.settings = load_settings({"exporters": {"m": self.memory}}, environ={})
        self.provider = fo.LoggerProvider(settings=self.settings, shutdown_on_exit=False)

    @property
    def bodies(self) -> list[Any]:
        assert self.provider.force_flush(10_000)
        return [record.body for record in self.memory.records]


@pytest.fixture
def said() -> Iterator[list[str]]:
    with get_diagnostics().collected() as found:
        yield found


@pytest.fixture
def ours() -> Iterator[Ours]:
    made = Ours()
    handle = StructlogSource().install(made.provider)
    yield made
    handle.uninstall()
    made.provider.shutdown(1000)
    structlog.reset_defaults()


def log(*processors: Any) -> None:
    structlog.configure(processors=[*processors], logger_factory=structlog.ReturnLoggerFactory())
    structlog.get_logger().info("order placed", order=1)


def test_over_our_provider_each_event_arrives_once(ours: Ours, said: list[str]) -> None:
    log(StructlogProcessor(ours.provider), structlog.processors.JSONRenderer())
    assert ours.bodies == ["order placed"]
    assert any("is left out" in line for line in said)


def test_as_the_last_of_the_chain_too(ours: Ours) -> None:
    log(StructlogProcessor(ours.provider))
    assert ours.bodies == ["order placed"]


def test_over_the_sdk_with_our_processor_each_event_arrives_once(ours: Ours) -> None:
    processor = fo.FapilogLogRecordProcessor(settings=ours.settings)
    sdk = SdkProvider(shutdown_on_exit=False)
    sdk.add_log_record_processor(processor)
    log(StructlogProcessor(sdk), structlog.processors.JSONRenderer())
    assert processor.force_flush(10_000)
    assert ours.bodies == ["order placed"]
    sdk.shutdown()


def test_another_provider_gets_every_event_and_a_line_says_so(ours: Ours, said: list[str]) -> None:
    exported = InMemoryLogRecordExporter()
    sdk = SdkProvider(shutdown_on_exit=False)
    sdk.add_log_record_processor(SimpleLogRecordProcessor(exported))
    log(StructlogProcessor(sdk), structlog.processors.JSONRenderer())
    assert ours.bodies == ["order placed"]
    assert [one.log_record.body for one in exported.get_finished_logs()] == ["order placed"]
    assert any("both go on" in line for line in said)
    sdk.shutdown()
