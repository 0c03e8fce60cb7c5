"""A delay that a receiver names is obeyed to a tenth, however it is written, and never beyond the bound."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from email.utils import formatdate

from fapilog_otel.testing import GrpcStatus, OtlpReceiver, ReceivedRequest, Reply
from tests.faults.bridge import QUICK, bridge

DELAY = 5
CAP = 6.0
"""Seconds: the setting `retry_after_cap`, whose default is 120."""
SLACK = 0.1
YEAR = 365 * 24 * 3600
DAY_AHEAD = 86_400


@dataclass(frozen=True)
class Case:
    """A reply that turns a request away, and when the request is to come again.

    Args:
        reply: Gives the reply, at the moment of the request.
        low: Seconds until then at least.
        high: Seconds until then at most.
        grpc: Whether it is a reply over gRPC.
    """

    reply: Callable[[], Reply]
    low: float
    high: float
    grpc: bool = False


def headed(status: int, **headers: str) -> Callable[[], Reply]:
    return lambda: Reply(status=status, headers={name.replace("_", "-"): value for name, value in headers.items()})


def date_in(seconds: float, **headers: str) -> Callable[[], Reply]:
    """A reply whose Retry-After is a date, by the clock of both sides."""
    return lambda: Reply(status=503, headers={"Retry-After": formatdate(time.time() + seconds, usegmt=True), **headers})


def by_a_clock_ahead(seconds: int) -> Reply:
    """A reply whose own clock is a day ahead, as its Date header says."""
    now = int(time.time()) + DAY_AHEAD
    headers = {"Date": formatdate(now, usegmt=True), "Retry-After": formatdate(now + seconds, usegmt=True)}
    return Reply(status=429, headers=headers)


def told(code: str, delay: float) -> Callable[[], Reply]:
    return lambda: Reply(grpc=GrpcStatus(code=code, retry_delay=delay))


OBEYED = (float(DELAY), DELAY * (1 + SLACK))
CAPPED = (CAP, CAP * (1 + SLACK))
AT_ONCE = (0.0, float(QUICK["maximum"]) + 0.5)
CASES = {
    "429, seconds": Case(headed(429, Retry_After=str(DELAY)), *OBEYED),
    "503, seconds": Case(headed(503, Retry_After=str(DELAY)), *OBEYED),
    # A date has no fractions: it may be up to a second nearer.
    "503, date": Case(date_in(DELAY), DELAY - 1.0, DELAY * (1 + SLACK)),
    "429, date of another clock": Case(lambda: by_a_clock_ahead(DELAY), *OBEYED),
    "503, date in the past": Case(date_in(-60.0), *AT_ONCE),
    "503, a word": Case(headed(503, Retry_After="soon"), *AT_ONCE),
    "503, negative": Case(headed(503, Retry_After="-5"), *AT_ONCE),
    "503, a fraction": Case(headed(503, Retry_After="1.5"), *AT_ONCE),
    "503, zero": Case(headed(503, Retry_After="0"), *AT_ONCE),
    "429, a year": Case(headed(429, Retry_After=str(YEAR)), *CAPPED),
    "503, a year as a date": Case(date_in(YEAR), *CAPPED),
    "503, more digits than a number has": Case(headed(503, Retry_After="9" * 400), *CAPPED),
    "UNAVAILABLE": Case(told("UNAVAILABLE", DELAY), *OBEYED, grpc=True),
    "RESOURCE_EXHAUSTED": Case(told("RESOURCE_EXHAUSTED", DELAY), *OBEYED, grpc=True),
    "UNAVAILABLE, a year": Case(told("UNAVAILABLE", YEAR), *CAPPED, grpc=True),
}


class TurnsAwayTheSecond:
    """A script that turns the second request away; the first pays for connections and imports."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._requests = 0

    def __call__(self, _: ReceivedRequest) -> Reply | None:
        self._requests += 1
        return self._case.reply() if self._requests == 2 else None


def test_every_way_to_say_it_is_obeyed() -> None:
    # All at once, each at a receiver and in a branch of its own: a branch that waits holds back no other.
    with ExitStack() as stack:
        receivers = {
            name: stack.enter_context(
                OtlpReceiver(
                    http_port=None if case.grpc else 0,
                    grpc_port=0 if case.grpc else None,
                    script=TurnsAwayTheSecond(case),
                )
            )
            for name, case in CASES.items()
        }
        exporters = {
            f"case{index}": {"type": "otlp_grpc", "endpoint": receivers[name].grpc_endpoint}
            if case.grpc
            else {"type": "otlp_http", "endpoint": receivers[name].http_endpoint + "/v1/logs"}
            for index, (name, case) in enumerate(CASES.items())
        }
        with bridge(None, exporters=exporters, retry={"retry_after_cap": CAP}) as made:
            for body in ("hello", "hello again"):
                made.log.info(body)
                assert made.flush(3 * CAP)
        waits = {name: [request.arrived for request in receiver.requests] for name, receiver in receivers.items()}
    assert {name: len(arrived) for name, arrived in waits.items()} == dict.fromkeys(CASES, 3)
    wrong = {
        name: second - first
        for name, (_, first, second) in waits.items()
        if not CASES[name].low <= second - first <= CASES[name].high
    }
    assert wrong == {}
