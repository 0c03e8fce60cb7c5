"""The contract suites: each passes what keeps the contract and fails what breaks it, clause by clause."""

from __future__ import annotations

import inspect
import sys
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
from opentelemetry.context import Context, set_value

from fapilog_otel import ExportResult, Record
from fapilog_otel.compat.api import SeverityNumber
from fapilog_otel.contracts import EncodedLogs
from fapilog_otel.errors import ConfigError, PermanentError
from fapilog_otel.telemetry.origin import is_internal
from fapilog_otel.testing import ExporterContract, SourceContract, StageContract, sample_records

KEPT: list[Record] = []
SINKS: list[Any] = []


@pytest.fixture(autouse=True)
def _empty() -> None:
    KEPT.clear()
    SINKS.clear()


def clauses_of(suite: type) -> list[str]:
    return [name for name, _ in inspect.getmembers(suite, inspect.isfunction) if name.startswith("test_")]


def run_test(suite: type, name: str) -> None:
    getattr(suite(), name)()


class GoodExporter:
    def validate(self) -> None:
        """Everything works."""

    async def start(self) -> None:
        """Nothing to open."""

    async def export(self, request: EncodedLogs) -> ExportResult:
        KEPT.extend(request.records())
        return ExportResult()

    async def close(self) -> None:
        """Nothing to close."""


class FailingExporter(GoodExporter):
    async def export(self, request: EncodedLogs) -> ExportResult:
        raise PermanentError("the destination is not there", reason="not_there")


class GoodFactory:
    settings_model = dict

    def create(self, settings: dict[str, object]) -> GoodExporter:
        for name in settings:
            raise ConfigError(name, "***", "unknown setting", "Leave it out")
        return GoodExporter()


class ExporterSuite(ExporterContract):
    patience = 2.0
    exporter: type = GoodExporter
    failing: type = FailingExporter
    made_by: Any = GoodFactory()

    def make_exporter(self) -> Any:
        return self.exporter()

    def make_failing_exporter(self) -> Any:
        return self.failing()

    def received(self) -> list[Record]:
        return list(KEPT)

    def factory(self) -> Any:
        return self.made_by


async def gives_nothing(self: object, request: object) -> None:
    return None


async def rejects_all(self: object, request: EncodedLogs) -> ExportResult:
    return ExportResult(rejected=request.count)


async def loses_one(self: object, request: EncodedLogs) -> ExportResult:
    KEPT.extend(request.records()[:-1])
    return ExportResult()


async def changes_one(self: object, request: EncodedLogs) -> ExportResult:
    KEPT.extend(record.replace(span_id=7) for record in request.records())
    return ExportResult()


async def spoils_the_request(self: object, request: EncodedLogs) -> ExportResult:
    KEPT.extend(request.records())
    request._records = request.records()[:1]
    return ExportResult()


async def leaves_a_thread(self: object) -> None:
    threading.Thread(target=time.sleep, args=(3,), daemon=True).start()


async def closes_once(self: Any) -> None:
    if getattr(self, "closed", False):
        raise RuntimeError("closed already")
    self.closed = True


async def works_once(self: Any, request: EncodedLogs) -> ExportResult:
    if getattr(self, "used", False):
        raise RuntimeError("used already")
    self.used = True
    KEPT.extend(request.records())
    return ExportResult()


async def raises_another(self: object, request: object) -> None:
    raise OSError("not there")


async def raises_a_sentence(self: object, request: object) -> None:
    raise PermanentError("not there", reason="it is not there")


async def raises_control_characters(self: object, request: object) -> None:
    raise PermanentError("not\nthere", reason="not_there")


class TestExporterContract:
    @pytest.mark.parametrize("name", clauses_of(ExporterContract))
    def test_one_that_keeps_it_passes(self, name: str) -> None:
        run_test(ExporterSuite, name)

    @pytest.mark.parametrize(
        ("change", "name", "said"),
        [
            ({"export": lambda self, request: ExportResult()}, "test_it_has_the_methods_of_an_exporter", "export is"),
            ({"close": lambda self: None}, "test_it_has_the_methods_of_an_exporter", "close is a coroutine function"),
            ({"traits": {"max_in_flight": 1}}, "test_its_traits_are_traits", "is an ExporterTraits"),
            ({"export": gives_nothing}, "test_a_single_record_is_delivered", "returns an ExportResult"),
            ({"export": rejects_all}, "test_a_single_record_is_delivered", "rejects nothing"),
            ({"export": loses_one}, "test_records_of_every_shape_are_delivered_in_one_request", "were received"),
            ({"export": changes_one}, "test_a_single_record_is_delivered", "arrives as it was exported"),
            ({"export": loses_one}, "test_a_request_may_be_exported_twice", "were received"),
            ({"export": loses_one}, "test_as_many_requests_as_it_declares_may_be_under_way_at_once", "arrives once"),
            ({"export": loses_one}, "test_it_may_be_started_again_after_close", "were received"),
            ({"export": spoils_the_request}, "test_a_request_is_left_as_it_was", "its records"),
            ({"start": leaves_a_thread}, "test_close_ends_every_thread_that_it_began", "no thread is left"),
        ],
    )
    def test_one_that_breaks_it_fails(self, change: dict[str, Any], name: str, said: str) -> None:
        broken = type("Broken", (GoodExporter,), change)
        suite = type("Suite", (ExporterSuite,), {"exporter": broken, "patience": 0.5})
        with pytest.raises(AssertionError, match=said):
            run_test(suite, name)

    @pytest.mark.parametrize(
        ("change", "name"),
        [
            ({"close": closes_once}, "test_close_may_be_called_twice_and_without_start"),
            ({"export": works_once}, "test_it_may_be_started_again_after_close"),
            ({"export": works_once}, "test_an_attempt_that_is_cancelled_leaves_it_usable"),
        ],
    )
    def test_an_error_of_its_own_comes_through(self, change: dict[str, Any], name: str) -> None:
        suite = type("Suite", (ExporterSuite,), {"exporter": type("Broken", (GoodExporter,), change)})
        with pytest.raises(RuntimeError, match="already"):
            run_test(suite, name)

    @pytest.mark.parametrize(
        ("export", "name", "said"),
        [
            (GoodExporter.export, "test_a_failure_is_a_delivery_error_with_a_stable_reason", "raises where nothing"),
            (raises_another, "test_a_failure_is_a_delivery_error_with_a_stable_reason", "never OSError"),
            (raises_a_sentence, "test_a_failure_is_a_delivery_error_with_a_stable_reason", "one short word"),
            (raises_control_characters, "test_the_text_of_a_failure_is_one_clean_line", "control characters"),
        ],
    )
    def test_a_failure_of_the_wrong_kind_fails(self, export: Callable[..., Any], name: str, said: str) -> None:
        suite = type("Suite", (ExporterSuite,), {"failing": type("Broken", (GoodExporter,), {"export": export})})
        with pytest.raises(AssertionError, match=said):
            run_test(suite, name)

    def test_a_factory_that_takes_anything_fails(self) -> None:
        anything = type("Factory", (GoodFactory,), {"create": lambda self, settings: GoodExporter()})()
        suite = type("Suite", (ExporterSuite,), {"made_by": anything})
        with pytest.raises(AssertionError, match="unknown setting raises ConfigError"):
            run_test(suite, "test_its_factory_refuses_a_setting_that_it_does_not_know")

    def test_without_make_exporter_it_says_so(self) -> None:
        with pytest.raises(NotImplementedError, match="make_exporter"):
            run_test(ExporterContract, "test_its_traits_are_traits")

    @pytest.mark.parametrize(
        "name",
        ["test_a_failure_is_a_delivery_error_with_a_stable_reason", "test_its_factory_builds_an_exporter"],
    )
    def test_what_is_not_overridden_is_skipped(self, name: str) -> None:
        class Bare(ExporterContract):
            def make_exporter(self) -> Any:
                return GoodExporter()

        with pytest.raises(pytest.skip.Exception, match="is not overridden"):
            run_test(Bare, name)


class Same:
    name = "same"
    phase = "process"
    inline = True

    def __call__(self, record: Record) -> Any:
        return record


class StageSuite(StageContract):
    stage: type = Same

    def make_stage(self) -> Any:
        return self.stage()


async def answers_later(self: object, record: Record) -> Record:
    return record


def writes_into_it(self: object, record: Record) -> Record:
    if isinstance(record.attributes, dict):
        record.attributes["seen"] = True
    return record


class TestStageContract:
    @pytest.mark.parametrize("name", clauses_of(StageContract))
    @pytest.mark.parametrize("change", [{}, {"phase": "redact"}, {"inline": False, "__call__": answers_later}])
    def test_one_that_keeps_it_passes_or_is_skipped(self, name: str, change: dict[str, Any]) -> None:
        skips = {
            "test_a_redactor_finds_nothing_more_the_second_time": change.get("phase") != "redact",
            "test_an_inline_stage_answers_at_once": not change.get("inline", True),
            "test_several_threads_may_call_an_inline_stage_at_once": not change.get("inline", True),
        }
        expected = pytest.raises(pytest.skip.Exception) if skips.get(name) else nullcontext()
        with expected:
            run_test(type("Suite", (StageSuite,), {"stage": type("Good", (Same,), change)}), name)

    @pytest.mark.parametrize(
        ("change", "name", "said"),
        [
            ({"name": ""}, "test_it_says_what_it_is", "name is a text"),
            ({"phase": "later"}, "test_it_says_what_it_is", "phase is one of"),
            ({"inline": "yes"}, "test_it_says_what_it_is", "True or False"),
            ({"__call__": answers_later}, "test_an_inline_stage_answers_at_once", "returns no awaitable"),
            ({"__call__": lambda _, record: {}}, "test_it_takes_records_of_every_shape", "a record or None"),
            ({"__call__": writes_into_it}, "test_it_leaves_the_record_that_it_is_given_alone", "is a new one"),
            (
                {"__call__": lambda _, record: record.replace(trace_id=7)},
                "test_it_keeps_times_and_trace",
                "trace_id is kept",
            ),
            (
                {"__call__": lambda _, record: record.with_attributes({"": 1})},
                "test_what_it_returns_can_be_encoded",
                "not empty",
            ),
            (
                {"phase": "redact", "__call__": lambda _, record: record.replace(body=f"{record.body}*")},
                "test_a_redactor_finds_nothing_more_the_second_time",
                "stays as it is",
            ),
            (
                {"__call__": lambda _, record: record.body.upper()},
                "test_several_threads_may_call_an_inline_stage_at_once",
                "from any thread",
            ),
        ],
    )
    @pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
    def test_one_that_breaks_it_fails(self, change: dict[str, Any], name: str, said: str) -> None:
        suite = type("Suite", (StageSuite,), {"stage": type("Broken", (Same,), change)})
        with pytest.raises(AssertionError, match=said):
            run_test(suite, name)

    def test_without_make_stage_it_says_so(self) -> None:
        with pytest.raises(NotImplementedError, match="make_stage"):
            run_test(StageContract, "test_it_says_what_it_is")


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


class TestSampleRecords:
    def test_each_call_gives_new_ones(self) -> None:
        first, second = sample_records(), sample_records()
        assert first == second
        assert first[2].attributes is not second[2].attributes

    def test_they_survive_encoding(self) -> None:
        records = sample_records()
        assert [record.body for record in EncodedLogs.from_records(records).records()] == [one.body for one in records]
