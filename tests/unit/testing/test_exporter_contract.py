"""The exporter suite: it passes what keeps the contract and fails what breaks it, clause by clause."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from fapilog_otel import ExportResult, Record
from fapilog_otel.contracts import EncodedLogs
from fapilog_otel.errors import ConfigError, PermanentError
from fapilog_otel.testing import ExporterContract, sample_records
from tests.unit.testing.clauses import clauses_of, run_test

KEPT: list[Record] = []


@pytest.fixture(autouse=True)
def _empty() -> None:
    KEPT.clear()


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


class TestSampleRecords:
    def test_each_call_gives_new_ones(self) -> None:
        first, second = sample_records(), sample_records()
        assert first == second
        assert first[2].attributes is not second[2].attributes

    def test_they_survive_encoding(self) -> None:
        records = sample_records()
        assert [record.body for record in EncodedLogs.from_records(records).records()] == [one.body for one in records]
