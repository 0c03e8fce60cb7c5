"""OpenTelemetry's own handler beside the stdlib source: one record once, and one line that says how."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk._logs import LoggerProvider as SdkProvider
from opentelemetry.sdk._logs import LoggingHandler as SdkHandler
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor

import fapilog_otel as fo
from fapilog_otel.provider.processor import EngineProcessor
from fapilog_otel.sources.stdlib import StdlibSource
from fapilog_otel.telemetry.diagnostics import get_diagnostics
from fapilog_otel_exporters.memory import MemoryExporter


def handler_classes() -> list[type[logging.Handler]]:
    from opentelemetry.instrumentation.logging.handler import LoggingHandler

    return [SdkHandler, LoggingHandler]


@pytest.fixture(params=handler_classes(), ids=["sdk", "contrib"])
def stock(request: pytest.FixtureRequest) -> Any:
    """Make a stock handler for a provider."""

    def make(provider: Any) -> logging.Handler:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made: logging.Handler = request.param(logger_provider=provider)
        return made

    return make


@pytest.fixture
def lines() -> Iterator[list[str]]:
    with get_diagnostics().collected() as found:
        yield found


@pytest.fixture(autouse=True)
def at_info(clean_logging: None) -> None:
    logging.getLogger().setLevel(logging.INFO)


def bodies(memory: MemoryExporter) -> list[Any]:
    return [record.body for record in memory.records]


class TestOverOurProvider:
    def test_a_handler_that_was_there_before_is_left_out_and_named_once(self, stock: Any, lines: list[str]) -> None:
        memory = MemoryExporter()
        with fo.configure(exporters={"m": memory}, sources=[]) as handle:
            logging.getLogger().addHandler(stock(handle.provider))
            logging.getLogger("shop").info("before")
            fo.install("stdlib")
            logging.getLogger("shop").info("with both")
            assert handle.flush(5)
            assert bodies(memory) == ["before", "with both"]
        assert len([line for line in lines if "LoggingHandler is installed too" in line]) == 1

    def test_a_handler_that_comes_later_is_left_out_too(self, stock: Any, lines: list[str]) -> None:
        memory = MemoryExporter()
        with fo.configure(exporters={"m": memory}) as handle:
            logging.getLogger("shop.cart").addHandler(stock(handle.provider))
            logging.getLogger("shop.cart").info("x")
            assert handle.flush(5)
            assert bodies(memory) == ["x"]
        assert any("LoggingHandler is installed too" in line for line in lines)

    def test_after_uninstalling_the_handler_delivers_again(self, stock: Any, lines: list[str]) -> None:
        memory = MemoryExporter()
        with fo.configure(exporters={"m": memory}, sources=[]) as handle:
            logging.getLogger().addHandler(stock(handle.provider))
            before = dict(vars(type(logging.getLogger().handlers[0])))
            installed = fo.install("stdlib")
            installed.uninstall()
            assert dict(vars(type(logging.getLogger().handlers[0]))) == before
            logging.getLogger("shop").info("x")
            assert handle.flush(5)
            assert bodies(memory) == ["x"]


class TestOverAnotherProvider:
    def test_both_go_on_and_a_warning_says_so(self, stock: Any, lines: list[str]) -> None:
        theirs = InMemoryLogRecordExporter()
        provider = SdkProvider(shutdown_on_exit=False)
        provider.add_log_record_processor(SimpleLogRecordProcessor(theirs))
        memory = MemoryExporter()
        logging.getLogger().addHandler(stock(provider))
        with fo.configure(exporters={"m": memory}) as handle:
            logging.getLogger("shop").info("x")
            assert handle.flush(5)
            assert bodies(memory) == ["x"]
        assert [one.log_record.body for one in theirs.get_finished_logs()] == ["x"]
        (told,) = [line for line in lines if "LoggingHandler" in line]
        assert "another provider" in told

    def test_where_our_pipeline_is_attached_to_it_each_backend_gets_it_once(self, stock: Any, lines: list[str]) -> None:
        memory, theirs = MemoryExporter(), InMemoryLogRecordExporter()
        with fo.configure(exporters={"m": memory}) as handle:
            provider = SdkProvider(shutdown_on_exit=False)
            provider.add_log_record_processor(SimpleLogRecordProcessor(theirs))
            provider.add_log_record_processor(EngineProcessor(handle.provider))  # as configure() does to a global one
            logging.getLogger().addHandler(stock(provider))
            logging.getLogger("shop").info("x")
            provider.get_logger("direct").emit(body="y")
            assert handle.flush(5)
            assert bodies(memory) == ["x", "y"]
        assert [one.log_record.body for one in theirs.get_finished_logs()] == ["x", "y"]
        assert any("LoggingHandler is installed too" in line for line in lines)


class TestTheInstrumentor:
    def test_contribs_instrumentation_and_ours_make_one_record(self, lines: list[str]) -> None:
        from opentelemetry.instrumentation.logging import LoggingInstrumentor

        memory = MemoryExporter()
        with fo.configure(exporters={"m": memory}, sources=[]) as handle:
            logging.getLogger().addHandler(_for(handle.provider))
            instrumentor = LoggingInstrumentor()
            instrumentor.instrument(inject_trace_context=True, enable_log_auto_instrumentation=False)
            try:
                fo.install("stdlib")
                logging.getLogger("shop").info("x")
                assert handle.flush(5)
            finally:
                instrumentor.uninstrument()
        (record,) = memory.records
        assert not any(key.startswith("otel") for key in record.attributes)

    def test_handlers_of_other_makers_are_not_touched(self, lines: list[str]) -> None:
        class LoggingHandler(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                """Do nothing."""

        before = dict(vars(LoggingHandler))
        logging.getLogger().addHandler(LoggingHandler())
        handle = StdlibSource().install(fo.LoggerProvider(shutdown_on_exit=False))
        assert dict(vars(LoggingHandler)) == before
        handle.uninstall()
        assert lines == []


def _for(provider: Any) -> logging.Handler:
    from opentelemetry.instrumentation.logging.handler import LoggingHandler

    return LoggingHandler(logger_provider=provider)
