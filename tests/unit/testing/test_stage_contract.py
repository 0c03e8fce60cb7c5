"""The stage suite: it passes what keeps the contract and fails what breaks it, clause by clause."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytest

from fapilog_otel import Record
from fapilog_otel.testing import StageContract
from tests.unit.testing.clauses import clauses_of, run_test


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
