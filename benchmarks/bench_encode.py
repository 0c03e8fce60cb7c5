"""What a log call costs its caller: native and Python encoder, with the default stages and without any.

A round is 1 000 calls: divide by that for the cost of one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from opentelemetry.sdk.trace import TracerProvider

from benchmarks.compare.workload import FIRST_NUMBER, api_logger, own_logger
from benchmarks.cores import logger

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

CALLS = 1_000


@pytest.mark.parametrize("stages", [True, False], ids=["default-stages", "no-stages"])
@pytest.mark.parametrize("is_native", [True, False], ids=["native", "python"])
class TestEncode:
    def test_level_method(self, benchmark: BenchmarkFixture, is_native: bool, stages: bool) -> None:
        emit = own_logger(logger(is_native=is_native, stages=stages))
        with TracerProvider().get_tracer("benchmark").start_as_current_span("span"):
            benchmark(emit, FIRST_NUMBER, CALLS)

    def test_api_emit(self, benchmark: BenchmarkFixture, is_native: bool, stages: bool) -> None:
        emit = api_logger(logger(is_native=is_native, stages=stages))
        with TracerProvider().get_tracer("benchmark").start_as_current_span("span"):
            benchmark(emit, FIRST_NUMBER, CALLS)
