"""Our logger does what OpenTelemetry's Logs API says of one."""

from __future__ import annotations

import inspect
import time
from typing import Any

import pytest
from opentelemetry import _logs
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider as SdkLoggerProvider
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

import fapilog_otel as fo
from fapilog_otel_exporters.memory import MemoryExporter
from tests.contract.faces_support import Closing, delivered

TRACE_ID = 0x0AF7651916CD43DD8448EB211C80319C
SPAN_ID = 0x00F067AA0BA902B7


def context_of(trace_id: int = TRACE_ID, span_id: int = SPAN_ID, flags: int = 1) -> Any:
    span = NonRecordingSpan(SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(flags)))
    return set_span_in_context(span)


def only(provider: fo.LoggerProvider, memory: MemoryExporter) -> fo.Record:
    (record,) = delivered(provider, memory)
    return record


FIELDS: dict[str, Any] = {
    "timestamp": 100,
    "observed_timestamp": 101,
    "severity_number": SeverityNumber.WARN2,
    "severity_text": "careful",
    "body": {"text": "hello", "numbers": [1, 2.5, None, True, b"\x00"]},
    "attributes": {"a": "b", "n": 1, "nested": {"x": [1]}},
    "event_name": "shop.order",
}


class TestEmit:
    @pytest.mark.parametrize("form", ["record", "fields"])
    def test_every_field_arrives_in_both_forms(
        self, provider: fo.LoggerProvider, memory: MemoryExporter, form: str
    ) -> None:
        logger = provider.get_logger("shop")
        if form == "record":
            logger.emit(LogRecord(context=context_of(), **FIELDS))
        else:
            logger.emit(context=context_of(), **FIELDS)
        record = only(provider, memory)
        assert (record.timestamp, record.observed_timestamp) == (100, 101)
        assert (record.severity_number, record.severity_text) == (14, "careful")
        assert record.body == FIELDS["body"]
        assert dict(record.attributes) == FIELDS["attributes"]
        assert record.event_name == "shop.order"
        assert (record.trace_id, record.span_id, record.trace_flags) == (TRACE_ID, SPAN_ID, 1)

    def test_a_missing_timestamp_stays_missing_and_the_observed_one_is_now(
        self, provider: fo.LoggerProvider, memory: MemoryExporter
    ) -> None:
        before = time.time_ns()
        provider.get_logger("shop").emit(body="x")
        record = only(provider, memory)
        assert record.timestamp == 0
        assert before <= record.observed_timestamp <= time.time_ns()

    def test_a_record_without_anything_arrives(self, provider: fo.LoggerProvider, memory: MemoryExporter) -> None:
        provider.get_logger("shop").emit()
        record = only(provider, memory)
        assert (record.body, dict(record.attributes), record.severity_number) == (None, {}, 0)

    @pytest.mark.parametrize("form", ["record", "fields"])
    def test_an_exception_becomes_attributes_and_the_users_own_win(
        self, provider: fo.LoggerProvider, memory: MemoryExporter, form: str
    ) -> None:
        given = {"exception.type": "mine", "k": 1}
        try:
            raise KeyError("missing")
        except KeyError as error:
            if form == "record":
                provider.get_logger("shop").emit(LogRecord(body="x", attributes=given, exception=error))
            else:
                provider.get_logger("shop").emit(body="x", attributes=given, exception=error)
        attributes = only(provider, memory).attributes
        assert attributes["exception.type"] == "mine"
        assert attributes["exception.message"] == "'missing'"
        assert "Traceback (most recent call last)" in str(attributes["exception.stacktrace"])
        assert given == {"exception.type": "mine", "k": 1}

    def test_a_record_given_is_left_as_it_was(self, provider: fo.LoggerProvider, memory: MemoryExporter) -> None:
        attributes = {"password": "hunter2", "list": [1]}
        record = LogRecord(body={"token": "abc"}, attributes=attributes, exception=ValueError("x"))
        before = dict(vars(record))
        provider.get_logger("shop").emit(record)
        only(provider, memory)
        assert vars(record) == before
        assert attributes == {"password": "hunter2", "list": [1]}

    def test_the_current_context_counts_where_none_is_given(
        self, provider: fo.LoggerProvider, memory: MemoryExporter
    ) -> None:
        from opentelemetry.context import attach, detach

        token = attach(context_of())
        try:
            provider.get_logger("shop").emit(body="x")
        finally:
            detach(token)
        assert only(provider, memory).trace_id == TRACE_ID

    def test_deprecated_ids_on_a_record_count(self, provider: fo.LoggerProvider, memory: MemoryExporter) -> None:
        record = LogRecord(trace_id=5, span_id=6, trace_flags=TraceFlags(1), body="x")
        provider.get_logger("shop").emit(record)
        found = only(provider, memory)
        assert (found.trace_id, found.span_id, found.trace_flags) == (5, 6, 1)

    def test_the_signature_is_the_stock_loggers(self, provider: fo.LoggerProvider) -> None:
        ours = list(inspect.signature(provider.get_logger("shop").emit).parameters.values())
        stock = list(inspect.signature(SdkLoggerProvider().get_logger("shop").emit).parameters.values())
        assert [(one.name, one.kind, one.default) for one in ours] == [
            (one.name, one.kind, one.default) for one in stock
        ]


class TestEnabled:
    def test_a_provider_without_levels_takes_every_severity(self, provider: fo.LoggerProvider) -> None:
        logger = provider.get_logger("shop")
        assert all(logger.enabled(severity_number=number) for number in SeverityNumber)
        assert logger.enabled()
        assert logger.enabled(context=context_of(), severity_number=SeverityNumber.INFO, event_name="e")

    def test_a_level_of_the_settings_closes_what_is_below(self, memory: MemoryExporter, closing: Closing) -> None:
        settings = fo.Settings(exporters={"memory": memory}, level="WARNING", levels={"shop.debugged": "DEBUG"})
        provider = closing(fo.LoggerProvider(settings=settings))
        assert not provider.get_logger("shop").enabled(severity_number=SeverityNumber.INFO)
        assert provider.get_logger("shop").enabled(severity_number=SeverityNumber.WARN)
        assert provider.get_logger("shop").enabled()
        assert provider.get_logger("shop.debugged.cart").enabled(severity_number=SeverityNumber.DEBUG)

    def test_nothing_is_enabled_after_shutdown(self, provider: fo.LoggerProvider) -> None:
        logger = provider.get_logger("shop")
        provider.shutdown()
        assert not logger.enabled(severity_number=SeverityNumber.FATAL)

    def test_a_sampling_filter_tells_by_the_context(self, memory: MemoryExporter, closing: Closing) -> None:
        provider = closing(fo.LoggerProvider(settings=fo.Settings(exporters={"memory": memory}, sample=0.0)))
        logger = provider.get_logger("shop")
        assert not logger.enabled(context=context_of(), severity_number=SeverityNumber.INFO)
        assert logger.enabled(context=context_of(), severity_number=SeverityNumber.ERROR)


class TestGetLogger:
    def test_its_arguments_become_the_scope(self, provider: fo.LoggerProvider, memory: MemoryExporter) -> None:
        provider.get_logger("shop", "1.2", "https://schema", {"team": "a"}).emit(body="x")
        scope = only(provider, memory).scope
        assert (scope.name, scope.version, scope.schema_url) == ("shop", "1.2", "https://schema")
        assert dict(scope.attributes) == {"team": "a"}

    def test_the_same_arguments_give_the_same_logger(self, provider: fo.LoggerProvider) -> None:
        assert provider.get_logger("shop", "1") is provider.get_logger("shop", "1")
        assert provider.get_logger("shop", "1") is not provider.get_logger("shop", "2")

    def test_it_is_a_logger_of_the_api_with_level_methods(self, provider: fo.LoggerProvider) -> None:
        logger = provider.get_logger("shop")
        assert isinstance(logger, _logs.Logger)
        assert isinstance(logger, fo.Logger)

    @pytest.mark.parametrize("name", ["", None, 5, "\ud800"])
    def test_any_name_gives_a_logger(self, provider: fo.LoggerProvider, memory: MemoryExporter, name: Any) -> None:
        provider.get_logger(name).emit(body="x")
        assert isinstance(only(provider, memory).scope.name, str)

    def test_the_signature_is_the_apis(self) -> None:
        ours = inspect.signature(fo.LoggerProvider.get_logger).parameters
        stock = inspect.signature(_logs.LoggerProvider.get_logger).parameters
        assert list(ours) == list(stock)
        assert [one.default for one in ours.values()] == [one.default for one in stock.values()]

    def test_the_provider_is_one_of_the_api_and_not_of_the_sdk(self) -> None:
        assert issubclass(fo.LoggerProvider, _logs.LoggerProvider)
        assert not issubclass(fo.LoggerProvider, SdkLoggerProvider)
