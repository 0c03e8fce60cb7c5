"""The source suite: it passes what keeps the contract and fails what breaks it, clause by clause."""

from __future__ import annotations

import sys
import time
from typing import Any

import pytest
from opentelemetry.context import Context, set_value

from fapilog_otel import Record
from fapilog_otel.compat.api import SeverityNumber
from fapilog_otel.telemetry.origin import is_internal
from fapilog_otel.testing import SourceContract
from tests.unit.testing.clauses import clauses_of, run_test

SINKS: list[Any] = []


@pytest.fixture(autouse=True)
def _empty() -> None:
    SINKS.clear()


class GoodHandle:
    def uninstall(self) -> None:
        SINKS.clear()


class GoodSource:
    def to_record(self, native: Any) -> Any:
        return Record(timestamp=STARTED, body=native, severity_number=13, severity_text="WARN")

    def install(self, provider: Any) -> Any:
        SINKS.append(provider.get_logger("library").emit)
        return GoodHandle()


STARTED = time.time_ns()


def library_log(message: str, exception: BaseException | None = None, *, feedback: bool = False) -> None:
    for sink in SINKS:
        if feedback or not is_internal():
            sink(body=message, severity_number=SeverityNumber.WARN, timestamp=time.time_ns(), exception=exception)


class SourceSuite(SourceContract):
    source: type = GoodSource

    def make_source(self) -> Any:
        return self.source()

    def log(self, message: str) -> None:
        library_log(message)

    def native(self, message: str) -> object:
        return message

    def log_exception(self, message: str) -> None:
        library_log(message, sys.exc_info()[1])


class OutOfContext(GoodSource):
    def install(self, provider: Any) -> Any:
        emit = provider.get_logger("library").emit
        SINKS.append(lambda **fields: emit(context=set_value("other", 1, Context()), **fields))
        return GoodHandle()


class NeverUninstalled(GoodSource):
    def install(self, provider: Any) -> Any:
        super().install(provider)
        return type("Handle", (), {"uninstall": lambda self: None})()


class Backwards(GoodSource):
    def install(self, provider: Any) -> Any:
        emit = provider.get_logger("library").emit
        waiting: list[Any] = []

        def sink(**fields: Any) -> None:
            waiting.append(fields)
            if len(waiting) == 2:
                for one in reversed(waiting):
                    emit(**one)

        SINKS.append(sink)
        return GoodHandle()


def translating(**fields: Any) -> type:
    return type("Broken", (GoodSource,), {"to_record": lambda self, native: Record(**{"body": native, **fields})})


class TestSourceContract:
    @pytest.mark.parametrize("name", clauses_of(SourceContract))
    def test_one_that_keeps_it_passes(self, name: str) -> None:
        run_test(SourceSuite, name)

    @pytest.mark.parametrize(
        ("source", "name", "said"),
        [
            (object, "test_it_has_the_methods_of_a_source", "has install and to_record"),
            (translating(body="other"), "test_a_native_record_becomes_a_record", "the body is the message"),
            (translating(), "test_a_native_record_becomes_a_record", "severity number is 1-24"),
            (translating(severity_number=9), "test_a_native_record_becomes_a_record", "severity text"),
            (translating(timestamp=1_700_000_000), "test_times_are_nanoseconds_since_the_epoch", "not now"),
            (OutOfContext, "test_a_record_carries_the_span_that_it_was_written_in", "within a span: its ids"),
            (Backwards, "test_what_the_library_logs_arrives", "in order"),
            (NeverUninstalled, "test_uninstall_ends_it", "nothing arrives after"),
        ],
    )
    def test_one_that_breaks_it_fails(self, source: type, name: str, said: str) -> None:
        with pytest.raises(AssertionError, match=said):
            run_test(type("Suite", (SourceSuite,), {"source": source}), name)

    def test_a_translation_that_is_not_pure_fails(self) -> None:
        count = iter(range(9))
        source = type(
            "Broken", (GoodSource,), {"to_record": lambda self, native: Record(attributes={"count": next(count)})}
        )
        with pytest.raises(AssertionError, match="gives the same record"):
            run_test(type("Suite", (SourceSuite,), {"source": source}), "test_translating_is_pure")

    def test_a_source_that_captures_nothing_fails(self) -> None:
        source = type("Broken", (GoodSource,), {"install": lambda self, provider: GoodHandle()})
        suite = type("Suite", (SourceSuite,), {"source": source, "patience": 0.05})
        with pytest.raises(AssertionError, match="2 records were logged, 0 arrived"):
            run_test(suite, "test_what_the_library_logs_arrives")

    def test_without_hooks_it_says_so(self) -> None:
        suite = SourceContract()
        for name, arguments in (("make_source", ()), ("log", ("x",)), ("native", ("x",))):
            with pytest.raises(NotImplementedError, match=name):
                getattr(suite, name)(*arguments)
        with pytest.raises(pytest.skip.Exception, match="log_exception"):
            suite.log_exception("x")
