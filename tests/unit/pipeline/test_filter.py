from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from opentelemetry.sdk.trace.sampling import Decision, TraceIdRatioBased

from fapilog_otel.errors import ConfigError
from fapilog_otel.model.record import Record
from fapilog_otel.model.scope import Scope
from fapilog_otel.model.severity import AUDIT, DEBUG, ERROR, INFO, SECURITY, WARN
from fapilog_otel.model.trace_context import NO_TRACE, TraceContext
from fapilog_otel.pipeline.filter import (
    LevelFilter,
    RateLimitFilter,
    SamplingFilter,
    TraceBasedFilter,
    minimum_severity,
)

SAMPLED = TraceContext(0xABC, 0xDEF, 1)
UNSAMPLED = TraceContext(0xABC, 0xDEF, 0)


def record(severity: int = INFO, scope: str = "", trace: TraceContext = NO_TRACE, body: str = "hello") -> Record:
    return Record(
        severity_number=severity,
        scope=Scope(scope),
        trace_id=trace.trace_id,
        span_id=trace.span_id,
        trace_flags=trace.flags,
        body=body,
    )


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class TestLevelFilter:
    def test_keeps_records_at_or_above_the_level(self) -> None:
        stage = LevelFilter("WARNING")
        kept = [severity for severity in range(1, 25) if stage(record(severity)) is not None]
        assert kept == list(range(WARN, 25))

    def test_a_record_without_severity_passes(self) -> None:
        unspecified = record(0)
        assert LevelFilter("FATAL")(unspecified) is unspecified

    @pytest.mark.parametrize(
        ("scope", "severity"),
        [("", WARN), ("other", WARN), ("shop", DEBUG), ("shop.cart", DEBUG), ("shop.cart.items", DEBUG),
         ("shop.pay", ERROR), ("shop.pay.card", ERROR), ("shopping", WARN), ("shop.payment", DEBUG)],
    )  # fmt: skip
    def test_a_logger_takes_the_level_of_its_nearest_named_ancestor(self, scope: str, severity: int) -> None:
        stage = LevelFilter("WARN", {"shop": "DEBUG", "shop.pay": "ERROR"})
        assert stage(record(severity, scope)) is not None
        assert stage(record(severity - 1, scope)) is None

    def test_the_empty_name_stands_for_all_others(self) -> None:
        stage = LevelFilter("WARN", {"": "DEBUG", "noisy": "ERROR"})
        assert [stage.threshold("x"), stage.threshold("noisy.y")] == [DEBUG, ERROR]

    def test_answers_without_a_record_as_it_filters(self) -> None:
        stage = LevelFilter("INFO", {"shop": "ERROR"})
        for scope in ("", "shop.cart"):
            for severity in range(25):
                passes = stage(record(severity, scope)) is not None
                assert stage.admits(severity, scope, NO_TRACE) == passes

    @pytest.mark.parametrize("level", ["LOUD", None, "DEBUG9"])
    def test_refuses_an_unknown_level(self, level: object) -> None:
        with pytest.raises(ConfigError, match="min_level"):
            LevelFilter(level)  # type: ignore[arg-type]
        with pytest.raises(ConfigError, match=r"levels\.shop"):
            LevelFilter("INFO", {"shop": level})  # type: ignore[dict-item]

    def test_minimum_severity_is_a_level_filter_under_its_own_name(self) -> None:
        stage = minimum_severity("ERROR")
        assert (stage.name, stage(record(WARN)), stage.phase, stage.inline) == (
            "minimum_severity",
            None,
            "filter",
            True,
        )


class TestTraceBasedFilter:
    def test_drops_the_records_of_unsampled_spans_only(self) -> None:
        stage = TraceBasedFilter()
        kept = [stage(record(ERROR, trace=trace)) is not None for trace in (SAMPLED, UNSAMPLED, NO_TRACE)]
        assert kept == [True, False, True]

    def test_may_require_a_span(self) -> None:
        stage = TraceBasedFilter(require_span=True)
        kept = [stage(record(trace=trace)) is not None for trace in (SAMPLED, UNSAMPLED, NO_TRACE)]
        assert kept == [True, False, False]

    def test_may_protect_severities(self) -> None:
        stage = TraceBasedFilter(protect="ERROR")
        assert [stage(record(severity, trace=UNSAMPLED)) is None for severity in (WARN, ERROR, AUDIT)] == [
            True,
            False,
            False,
        ]

    @pytest.mark.parametrize("trace", [SAMPLED, UNSAMPLED, NO_TRACE])
    def test_answers_without_a_record_as_it_filters(self, trace: TraceContext) -> None:
        stage = TraceBasedFilter(require_span=True, protect="ERROR")
        for severity in (INFO, ERROR):
            assert stage.admits(severity, "", trace) == (stage(record(severity, trace=trace)) is not None)


class TestSamplingFilter:
    def test_keeps_or_drops_all_records_of_a_trace(self) -> None:
        stage = SamplingFilter(0.5)
        draw = random.Random(7)
        kept = 0
        for _ in range(2000):
            trace = TraceContext(draw.getrandbits(128), 1, 1)
            verdicts = {stage(record(trace=trace)) is None for _ in range(3)}
            assert len(verdicts) == 1
            kept += verdicts == {False}
        assert 850 < kept < 1150

    @pytest.mark.parametrize("rate", [0.0, 0.1, 0.25, 0.9, 1.0])
    def test_keeps_exactly_the_traces_that_the_sdks_ratio_sampler_samples(self, rate: float) -> None:
        stage, sampler = SamplingFilter(rate), TraceIdRatioBased(rate)
        draw = random.Random(11)
        for _ in range(500):
            trace_id = draw.getrandbits(128) or 1
            sampled = sampler.should_sample(None, trace_id, "s").decision is Decision.RECORD_AND_SAMPLE
            assert (stage(record(trace=TraceContext(trace_id, 1, 0))) is not None) == sampled

    def test_outside_a_trace_the_draw_decides(self) -> None:
        draws = iter([0.09, 0.1, 0.99, 0.0])
        stage = SamplingFilter(0.1, draw=lambda: next(draws))
        assert [stage(record()) is not None for _ in range(4)] == [True, False, False, True]

    def test_the_same_seed_keeps_the_same_records(self) -> None:
        first, second = SamplingFilter(0.5, seed=3), SamplingFilter(0.5, seed=3)
        kept = [first(record()) is None for _ in range(50)]
        assert [second(record()) is None for _ in range(50)] == kept
        assert set(kept) == {True, False}

    @pytest.mark.parametrize("severity", [ERROR, AUDIT, SECURITY])
    def test_protected_severities_always_pass(self, severity: int) -> None:
        stage = SamplingFilter(0.0)
        assert stage(record(severity, trace=SAMPLED)) is not None
        assert stage(record(severity)) is not None
        assert stage(record(WARN)) is None

    def test_protection_can_be_switched_off(self) -> None:
        assert SamplingFilter(0.0, protect=None)(record(ERROR)) is None

    def test_answers_without_a_record_where_the_trace_decides(self) -> None:
        stage = SamplingFilter(0.5)
        for trace_id in (1, (1 << 64) - 1, 1 << 63):
            trace = TraceContext(trace_id, 1, 1)
            assert stage.admits(INFO, "", trace) == (stage(record(trace=trace)) is not None)
        assert stage.admits(INFO, "", NO_TRACE)
        assert not SamplingFilter(0.0).admits(INFO, "", NO_TRACE)
        assert SamplingFilter(0.0).admits(ERROR, "", NO_TRACE)

    @pytest.mark.parametrize("rate", [-0.1, 1.1, "many", None, float("nan")])
    def test_refuses_a_rate_that_is_no_share(self, rate: object) -> None:
        with pytest.raises(ConfigError, match="rate"):
            SamplingFilter(rate)  # type: ignore[arg-type]


class TestRateLimitFilter:
    def passed(self, stage: RateLimitFilter, count: int, make: Callable[[], Record] = record) -> int:
        return sum(stage(make()) is not None for _ in range(count))

    def test_passes_a_burst_and_then_the_refill_rate(self) -> None:
        clock = Clock()
        stage = RateLimitFilter(10, 5.0, clock=clock)
        assert self.passed(stage, 30) == 10
        clock.now += 1.0
        assert self.passed(stage, 30) == 5
        clock.now += 0.1
        assert self.passed(stage, 30) == 0
        clock.now += 3600.0
        assert self.passed(stage, 30) == 10

    def test_without_refill_the_capacity_is_all(self) -> None:
        clock = Clock()
        stage = RateLimitFilter(3, 0.0, clock=clock)
        assert self.passed(stage, 5) == 3
        clock.now += 1e6
        assert self.passed(stage, 5) == 0

    def test_a_clock_that_steps_back_takes_nothing_away(self) -> None:
        clock = Clock()
        stage = RateLimitFilter(3, 1.0, clock=clock)
        self.passed(stage, 1)
        clock.now -= 100.0
        assert self.passed(stage, 5) == 2

    @pytest.mark.parametrize(
        ("options", "expected"),
        [({"key": "all"}, 1), ({"key": "scope"}, 2), ({"key": "message"}, 3), ({"key_field": "user"}, 4)],
    )
    def test_each_key_has_a_budget_of_its_own(self, options: dict[str, str], expected: int) -> None:
        stage = RateLimitFilter(1, 0.0, **options)  # type: ignore[arg-type]
        records = [
            Record(body=body, scope=Scope(scope), attributes={"user": user})
            for body, scope, user in (("a", "s", 1), ("b", "s", 2), ("c", "t", 3), ("a", "t", 4), ("b", "s", 1))
        ]
        assert sum(stage(one) is not None for one in records) == expected

    def test_protected_severities_pass_and_cost_nothing(self) -> None:
        stage = RateLimitFilter(2, 0.0)
        assert self.passed(stage, 100, lambda: record(ERROR)) == 100
        assert self.passed(stage, 100) == 2

    def test_may_mark_instead_of_dropping(self) -> None:
        stage = RateLimitFilter(1, 0.0, overflow_action="mark")
        marks = [stage(record()) for _ in range(2)]
        assert [dict(one.attributes) for one in marks if one is not None] == [{}, {"rate_limited": True}]

    def test_remembers_no_more_keys_than_it_may(self) -> None:
        stage = RateLimitFilter(1, 0.0, max_keys=100)
        for number in range(10_000):
            assert stage(record(scope=f"s{number}")) is not None
            assert stage.key_count() <= 100

    def test_a_busy_key_is_not_forgotten_while_others_come_and_go(self) -> None:
        stage = RateLimitFilter(1, 0.0, max_keys=100)
        passed = 0
        for number in range(5_000):
            passed += stage(record(scope="busy")) is not None
            stage(record(scope=f"s{number}"))
        assert passed == 1

    @pytest.mark.parametrize(
        "options",
        [{"capacity": 0}, {"capacity": 1.5}, {"refill_rate_per_sec": -1}, {"max_keys": 0}, {"key": "host"},
         {"overflow_action": "wait"}, {"protect": "LOUD"}],
    )  # fmt: skip
    def test_refuses_options_out_of_range(self, options: dict[str, object]) -> None:
        with pytest.raises(ConfigError, match=next(iter(options))):
            RateLimitFilter(**options)  # type: ignore[arg-type]
