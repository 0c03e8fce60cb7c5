"""The circuit breaker, switched on by settings, against a receiver: opens, holds, probes, closes, loses nothing."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

import fapilog_otel as fo
from fapilog_otel.assembly.build import breaker_policy
from fapilog_otel.delivery import BreakerPolicy
from fapilog_otel.receiver import OtlpReceiver, Reply, Script
from fapilog_otel.receiver.records import ReceivedRequest
from tests.contract.faces_support import until

Configure = Callable[..., fo.Handle]

OPEN_FOR = 1.0
QUICK = {"initial": 0.01, "maximum": 0.05, "jitter": 0.0}
DOWN = Reply(status=503)


class Arrivals:
    """A script that remembers when each request came."""

    def __init__(self, failures: int) -> None:
        self.times: list[float] = []
        self._failures = failures

    def __call__(self, request: ReceivedRequest) -> Reply:
        self.times.append(time.monotonic())
        return DOWN if len(self.times) <= self._failures else Reply()


class TestSetting:
    def test_is_off_by_default_with_the_defaults_of_fapilog(self) -> None:
        breaker = fo.Settings().breaker
        assert (breaker.enabled, breaker.failures, breaker.open_for) == (False, 5, 30.0)
        assert breaker_policy(fo.Settings()) is None

    def test_comes_from_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("FAPILOG_OTEL_BREAKER__ENABLED", "true")
        monkeypatch.setenv("FAPILOG_OTEL_BREAKER__FAILURES", "3")
        monkeypatch.setenv("FAPILOG_OTEL_BREAKER__OPEN_FOR", "2.5")
        assert breaker_policy(fo.Settings()) == BreakerPolicy(3, 2.5)
        assert fo.Settings().origin("breaker.failures") == "environment FAPILOG_OTEL_BREAKER__FAILURES"

    @pytest.mark.parametrize("wrong", [{"failures": 0}, {"open_for": 0}, {"open_for": float("inf")}, {"opens": 1}])
    def test_is_checked(self, wrong: dict[str, float]) -> None:
        with pytest.raises(fo.errors.ConfigError, match=next(iter(wrong))):
            fo.Settings(breaker=wrong)


class TestCircuit:
    def test_opens_holds_probes_closes_and_loses_nothing(self, receiver: OtlpReceiver, configure: Configure) -> None:
        arrivals = Arrivals(failures=4)  # three open the circuit, the first probe fails too
        receiver.script = Script(arrivals)
        handle = configure(
            endpoint=receiver.http_endpoint,
            sources=[],
            schedule_delay=0.01,
            max_in_flight=1,
            retry=QUICK,
            breaker={"enabled": True, "failures": 3, "open_for": OPEN_FOR},
        )
        log = fo.get_logger("shop")
        log.info("first")
        until(lambda: handle.health().destinations["otlp"].state == "circuit_open")
        for number in range(20):
            log.info("held back", number=number)
        assert len(arrivals.times) == 3
        assert not handle.health().healthy
        assert handle.flush(10)
        gaps = [later - earlier for earlier, later in zip(arrivals.times, arrivals.times[1:], strict=False)]
        assert all(gap < OPEN_FOR for gap in gaps[:2])
        assert all(gap >= OPEN_FOR - 0.05 for gap in gaps[2:4])  # held back, probed once, held back again, probed
        assert sorted(str(one.body) for one in receiver.logs) == ["first", *["held back"] * 20]
        stats = handle.stats()
        assert (stats.delivered, stats.failed, stats.dropped) == (21, 0, 0)
        health = handle.health().destinations["otlp"]
        assert (health.state, health.circuit, health.consecutive_failures) == ("ok", "closed", 0)

    def test_stays_away_where_it_is_off(self, receiver: OtlpReceiver, configure: Configure) -> None:
        arrivals = Arrivals(failures=8)
        receiver.script = Script(arrivals)
        handle = configure(endpoint=receiver.http_endpoint, sources=[], schedule_delay=0.01, retry=QUICK)
        fo.get_logger("shop").info("x")
        assert handle.flush(10)
        assert len(arrivals.times) == 9
        assert handle.health().destinations["otlp"].circuit == "off"

    def test_an_open_circuit_does_not_hold_up_shutdown(self, receiver: OtlpReceiver, configure: Configure) -> None:
        receiver.script = Script(Arrivals(failures=2))
        handle = configure(
            endpoint=receiver.http_endpoint,
            sources=[],
            schedule_delay=0.01,
            retry=QUICK,
            breaker={"enabled": True, "failures": 2, "open_for": 600},
        )
        fo.get_logger("shop").info("x")
        until(lambda: handle.health().destinations["otlp"].circuit == "open")
        started = time.monotonic()
        assert handle.shutdown(5)  # one attempt at once, which the receiver takes
        assert time.monotonic() - started < 5.5
        assert handle.stats().delivered == 1
