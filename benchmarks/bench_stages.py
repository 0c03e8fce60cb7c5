"""What each stage adds to a log call: none, one of the default ones, all of them, and an application's own."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

import pytest
from opentelemetry.sdk.trace import TracerProvider

from benchmarks.compare.workload import FIRST_NUMBER, own_logger
from benchmarks.cores import logger, plan
from fapilog_otel.pipeline import DEFAULT_STAGES, build_chain, default_redaction, make_stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_benchmark.fixture import BenchmarkFixture

    from fapilog_otel.encode.plan import EncodePlan
    from fapilog_otel.model.record import Record

CALLS: Final = 1_000


class Passing:
    """A stage that an application may have, and that does nothing: what it costs to have a `Record` at all."""

    name = "passing"
    phase = "process"
    inline = True

    def __call__(self, record: Record) -> Record:
        """Give it back."""
        return record


def _only(name: str) -> EncodePlan:
    left_out = [stage for stage in DEFAULT_STAGES if stage != name]
    return build_chain(without=left_out, redaction=default_redaction()).plan


def _with(stage: object) -> EncodePlan:
    return build_chain(stages=[stage], without=DEFAULT_STAGES).plan  # type: ignore[list-item]


PLANS: Final[dict[str, Callable[[], EncodePlan]]] = {
    "none": lambda: plan(stages=False),
    **{name: partial(_only, name) for name in DEFAULT_STAGES},
    "all-default": lambda: plan(stages=True),
    "level-filter": lambda: _with(make_stage("level", {})),
    "own-stage": lambda: _with(Passing()),
    "static-attributes": lambda: build_chain(without=DEFAULT_STAGES, static_attributes={"team": "shop"}).plan,
}


@pytest.mark.parametrize("name", PLANS)
class TestStages:
    def test_log_call(self, benchmark: BenchmarkFixture, name: str) -> None:
        emit = own_logger(logger(is_native=True, encode_plan=PLANS[name]()))
        with TracerProvider().get_tracer("benchmark").start_as_current_span("span"):
            benchmark(emit, FIRST_NUMBER, CALLS)
