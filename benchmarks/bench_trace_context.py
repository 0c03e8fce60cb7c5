"""What it costs to know the span: the cache, and what it spares; a round is 1 000 readings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from benchmarks.cores import logger
from fapilog_otel.encode.trace import TraceCache

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_benchmark.fixture import BenchmarkFixture

READINGS = 1_000


def _repeat(call: Callable[[], object]) -> None:
    for _ in range(READINGS):
        call()


class TestTraceContext:
    def test_cached(self, benchmark: BenchmarkFixture) -> None:
        with TracerProvider().get_tracer("benchmark").start_as_current_span("span"):
            benchmark(_repeat, TraceCache().current)

    def test_loaded_anew_each_time(self, benchmark: BenchmarkFixture) -> None:
        cache = TraceCache()

        def read() -> None:
            cache.clear()
            cache.current()

        with TracerProvider().get_tracer("benchmark").start_as_current_span("span"):
            benchmark(_repeat, read)

    def test_by_the_public_api(self, benchmark: BenchmarkFixture) -> None:
        with TracerProvider().get_tracer("benchmark").start_as_current_span("span"):
            benchmark(_repeat, lambda: trace.get_current_span().get_span_context())


@pytest.mark.parametrize("spans", [1, 2], ids=["one-span", "two-spans-in-turn"])
class TestLogCall:
    def test_native(self, benchmark: BenchmarkFixture, spans: int) -> None:
        tracer = TracerProvider().get_tracer("benchmark")
        log = logger(is_native=True, stages=False)
        turns = [trace.set_span_in_context(tracer.start_span(str(number))) for number in range(spans)]

        def run() -> None:
            from opentelemetry.context import attach, detach

            for number in range(READINGS // 10):
                token = attach(turns[number % spans])
                for _ in range(10):
                    log.info("text")
                detach(token)

        benchmark(run)
