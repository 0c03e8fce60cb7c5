"""Trace context in text that stays local: on stdlib records, in loguru's extra, never as exported attributes."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from stdlib_doubles import EncodingProvider, RecordingProvider

import fapilog_otel as fo
from fapilog_otel.errors import ConfigError
from fapilog_otel.settings import load_settings
from fapilog_otel.sources.loguru import add_trace_ids
from fapilog_otel.sources.stdlib import StdlibSource
from fapilog_otel.sources.stdlib.correlation import DEFAULT_FORMAT, Correlation
from fapilog_otel.sources.stdlib.fast import level_methods
from fapilog_otel_exporters.memory import MemoryExporter

TRACER = TracerProvider().get_tracer("test")
FORMAT = "%(message)s %(otelTraceID)s %(otelSpanID)s %(otelTraceSampled)s %(otelServiceName)s"


@pytest.fixture(autouse=True)
def plain(clean_logging: None) -> Iterator[None]:
    yield
    assert logging.getLogRecordFactory() is logging.LogRecord


def printed(log: Any) -> str:
    """What a handler with the format prints of a call."""
    output = io.StringIO()
    handler = logging.StreamHandler(output)
    handler.setFormatter(logging.Formatter(FORMAT))
    logging.getLogger().addHandler(handler)
    logging.getLogger().setLevel(logging.INFO)
    try:
        log()
    finally:
        logging.getLogger().removeHandler(handler)
    return output.getvalue().strip()


class TestStdlib:
    def test_records_have_the_ids_of_the_call_for_handlers_and_not_as_attributes(self) -> None:
        memory = MemoryExporter()
        with fo.configure(exporters={"m": memory}, service_name="shop", correlation={"enabled": True}) as handle:
            with TRACER.start_as_current_span("s") as span:
                within = printed(lambda: logging.getLogger("shop").info("x", extra={"a": 1}))
            without = printed(lambda: logging.getLogger("shop").info("y"))
            assert handle.flush(5)
        context = span.get_span_context()
        assert within == f"x {context.trace_id:032x} {context.span_id:016x} True shop"
        assert without == "y 0 0 False shop"
        assert memory.records[0].attributes == {"a": 1}
        assert memory.records[0].trace_id == context.trace_id

    def test_without_it_records_are_as_ever(self) -> None:
        handle = StdlibSource().install(RecordingProvider())
        try:
            made = logging.getLogger("shop").makeRecord("shop", 20, "f", 1, "m", (), None)
        finally:
            handle.uninstall()
        assert not any(key.startswith("otel") for key in vars(made))

    def test_the_factory_that_was_there_goes_on_and_is_put_back(self) -> None:
        def theirs(*args: Any, **kwargs: Any) -> logging.LogRecord:
            record = logging.LogRecord(*args, **kwargs)
            record.tenant = "t1"
            return record

        provider = RecordingProvider()
        logging.setLogRecordFactory(theirs)
        try:
            handle = StdlibSource(correlation=True).install(provider)
            text = printed(lambda: logging.getLogger("shop").info("x"))
            handle.uninstall()
            assert logging.getLogRecordFactory() is theirs
        finally:
            logging.setLogRecordFactory(logging.LogRecord)
        assert text.startswith("x 0 0 False")
        assert provider.emitted[-1]["attributes"]["tenant"] == "t1"

    def test_a_factory_over_ours_stays_and_ours_falls_silent(self) -> None:
        handle = StdlibSource(correlation=True).install(RecordingProvider())
        ours = logging.getLogRecordFactory()

        def over(*args: Any, **kwargs: Any) -> logging.LogRecord:
            return ours(*args, **kwargs)

        logging.setLogRecordFactory(over)
        try:
            handle.uninstall()
            assert logging.getLogRecordFactory() is over
            made = logging.getLogger("shop").makeRecord("shop", 20, "f", 1, "m", (), None)
            assert not hasattr(made, "otelTraceID")
        finally:
            logging.setLogRecordFactory(logging.LogRecord)


class TestBasicConfig:
    def test_it_prints_as_the_stock_instrumentation_does(self) -> None:
        from opentelemetry.instrumentation.logging.constants import DEFAULT_LOGGING_FORMAT

        assert DEFAULT_FORMAT == DEFAULT_LOGGING_FORMAT

    def test_the_root_gets_a_handler_with_the_format_and_loses_it_again(self) -> None:
        root = logging.getLogger()
        handle = StdlibSource(correlation=True, correlation_format="%(otelTraceID)s %(message)s").install(
            RecordingProvider()
        )
        (handler,) = root.handlers
        assert handler.formatter is not None
        assert (handler.formatter._fmt, root.level) == ("%(otelTraceID)s %(message)s", logging.INFO)
        handle.uninstall()
        assert (root.handlers, root.level) == ([], logging.WARNING)

    def test_a_root_that_is_configured_stays_so(self) -> None:
        root = logging.getLogger()
        mine = logging.NullHandler()
        root.addHandler(mine)
        handle = StdlibSource(correlation=True, correlation_level="DEBUG").install(RecordingProvider())
        assert (root.handlers, root.level) == ([mine], logging.WARNING)
        handle.uninstall()
        assert (root.handlers, root.level) == ([mine], logging.WARNING)

    def test_opentelemetrys_variables_say_so(self) -> None:
        environ = {
            "OTEL_PYTHON_LOG_CORRELATION": "true",
            "OTEL_PYTHON_LOG_FORMAT": "%(message)s",
            "OTEL_PYTHON_LOG_LEVEL": "debug",
        }
        settings = load_settings({}, environ)
        found = settings.correlation
        assert (found.enabled, found.format, found.level) == (True, "%(message)s", "debug")
        assert settings.origin("correlation.enabled") == "environment OTEL_PYTHON_LOG_CORRELATION"

    def test_a_level_that_nobody_knows_is_refused(self) -> None:
        with pytest.raises(ConfigError, match="correlation_level"):
            StdlibSource(correlation=True, correlation_level="LOUD")


class TestTheShortWay:
    """Our factory adds what handlers print; a call that has no handler goes the short way with it all the same."""

    @pytest.fixture
    def encoding(self) -> EncodingProvider:
        if not level_methods():
            pytest.skip("the compiled functions are not there")
        return EncodingProvider()

    def test_is_taken_with_our_factory_until_a_handler_comes(
        self, encoding: EncodingProvider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made: list[logging.LogRecord] = []
        original = Correlation._add_to

        def counting(self: Any, record: logging.LogRecord) -> logging.LogRecord:
            made.append(record)
            return original(self, record)

        monkeypatch.setattr(Correlation, "_add_to", counting)
        handle = StdlibSource(correlation=True, code_attributes=False).install(encoding)
        root, log = logging.getLogger(), logging.getLogger("correlation.short")
        root.handlers, root.level = [], logging.INFO
        root.manager._clear_cache()  # type: ignore[attr-defined]
        log.info("first")  # its verdict about the level is not remembered yet
        made.clear()
        for _ in range(3):
            log.info("short")
        short = len(made)
        root.addHandler(logging.StreamHandler(io.StringIO()))
        log.info("ordinary")
        handle.uninstall()
        assert (short, len(made)) == (0, 1)
        assert [record.body for record in encoding.take()] == ["first", *["short"] * 3, "ordinary"]

    def test_is_not_taken_with_anothers_under_ours(self, encoding: EncodingProvider) -> None:
        def theirs(*args: Any, **kwargs: Any) -> logging.LogRecord:
            made.append(args)
            return logging.LogRecord(*args, **kwargs)

        made: list[Any] = []
        logging.setLogRecordFactory(theirs)
        try:
            handle = StdlibSource(correlation=True).install(encoding)
            logging.getLogger().handlers = []
            logging.getLogger("correlation.short").info("x")
            handle.uninstall()
        finally:
            logging.setLogRecordFactory(logging.LogRecord)
        assert len(made) == 1

    def test_handlers_get_records_with_the_ids_from_the_quick_maker_too(self, encoding: EncodingProvider) -> None:
        handle = StdlibSource(correlation=True).install(encoding)
        try:
            assert printed(lambda: logging.getLogger("correlation.short").info("x")).startswith("x 0 0 False")
        finally:
            handle.uninstall()


class TestLoguru:
    def test_a_patcher_adds_the_ids_to_extra(self) -> None:
        from loguru import logger

        output = io.StringIO()
        number = logger.add(
            output, format="{message} {extra[otelTraceID]} {extra[otelSpanID]} {extra[otelTraceSampled]}"
        )
        logger.configure(patcher=add_trace_ids)
        try:
            with TRACER.start_as_current_span("s") as span:
                logger.info("x")
            logger.info("y")
        finally:
            logger.remove(number)
            logger._core.patcher = None
        context = span.get_span_context()
        assert output.getvalue().splitlines() == [
            f"x {context.trace_id:032x} {context.span_id:016x} True",
            "y 0 0 False",
        ]


def test_the_service_name_is_that_of_the_providers_resource() -> None:
    from fapilog_otel.sources.stdlib.correlation import service_name_of

    provider = fo.LoggerProvider(resource=Resource.create({"service.name": "till"}), shutdown_on_exit=False)
    assert service_name_of(provider) == "till"
    assert service_name_of(object()) == ""
    assert service_name_of(None) == ""
