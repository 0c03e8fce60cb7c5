"""Signals and garbage collections in the middle of log calls, for a process of their own.

``python -m tests.unit.encode.interruptions native|python [NAME]``. Tools that trace a process (coverage) hold locks of
their own which a signal handler would interrupt as well.
"""

from __future__ import annotations

import faulthandler
import gc
import random
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

from tests.unit.encode.encoders import NATIVE, PYTHON, Bench, Twin

SCENARIOS: dict[str, Callable[[Twin], None]] = {}


def scenario(function: Callable[[Twin], None]) -> Callable[[Twin], None]:
    SCENARIOS[function.__name__] = function
    return function


class Alarm:
    """Runs a function from a signal handler, again and again, a random short time after it has come back."""

    def __init__(self, handler: Callable[[], None], rings: int) -> None:
        self.rung = 0
        self._handler = handler
        self._wanted = rings
        self._random = random.Random(5)
        self._end = time.monotonic() + 30
        self._on = True
        signal.signal(signal.SIGALRM, self._ring)
        self._rearm()

    def goes_on(self) -> bool:
        """Tell whether it has not yet rung as often as it is to; the last answer stops it."""
        assert time.monotonic() < self._end, "the alarm does not ring"
        if self.rung >= self._wanted:
            self._on = False
            signal.setitimer(signal.ITIMER_REAL, 0)
        return self._on

    def _rearm(self) -> None:
        if self._on:
            signal.setitimer(signal.ITIMER_REAL, self._random.uniform(0.00002, 0.0004))

    def _ring(self, number: int, frame: object) -> None:
        self.rung += 1
        try:
            self._handler()
        finally:
            self._rearm()


def work(bench: Bench, alarm: Alarm) -> int:
    number = 0
    while alarm.goes_on():
        bench.log.info("main", number=number, odd=(number,), text="x" * (number % 300))
        bench.log.error("main", number=number, big=1 << 70)
        number += 1
    return number


def check_main(found: list[Any], written: int) -> None:
    """All that the main program wrote is there, once and in order."""
    for severity in (9, 17):
        mine = [r.attributes["number"] for r in found if r.body == "main" and r.severity_number == severity]
        assert mine == list(range(written))


def _handler_logs(twin: Twin, seal_count: int) -> None:
    bench = Bench(twin, size=4096)
    bench.core.seal_count = seal_count
    rung: list[int] = []

    def handler() -> None:
        rung.append(len(rung))
        bench.log.info("handler", number=rung[-1], odd=[1])

    written = work(bench, Alarm(handler, 600))
    found = bench.records()
    assert sorted(r.attributes["number"] for r in found if r.body == "handler") == rung  # type: ignore[type-var]
    check_main(found, written)
    assert bench.balanced()


@scenario
def a_handler_logs_while_another_record_is_written(twin: Twin) -> None:
    _handler_logs(twin, seal_count=0)


@scenario
def a_handler_logs_while_chunks_are_sealed_by_count(twin: Twin) -> None:
    _handler_logs(twin, seal_count=7)


@scenario
def a_handler_seals_while_a_record_is_written(twin: Twin) -> None:
    bench = Bench(twin, size=4096)
    written = work(bench, Alarm(bench.core.seal_open, 600))
    check_main(bench.records(), written)
    assert len({id(chunk) for chunk in bench.core.sealed}) == len(bench.core.sealed)


@scenario
def a_handler_seals_while_chunks_are_sealed_and_given_up(twin: Twin) -> None:
    bench = Bench(twin, size=4096)
    given_up: list[Any] = []
    written = 0
    alarm = Alarm(bench.core.seal_open, 600)
    while alarm.goes_on():
        bench.log.info("main")
        bench.core.seal_open()
        bench.log.info("main")
        given_up.extend(bench.core.drop_open())
        written += 2
    bench.core.seal_open()
    chunks = [*bench.core.sealed, *given_up]
    assert len({id(chunk) for chunk in chunks}) == len(chunks)
    assert sum(chunk.count for chunk in chunks) == written


@scenario
def a_handler_raises_out_of_a_call(twin: Twin) -> None:
    """A KeyboardInterrupt can come between any two steps: what was written stays readable and counted."""
    bench = Bench(twin, size=4096)
    inside = False

    class Interrupt(BaseException):
        pass

    def handler() -> None:
        nonlocal inside
        if inside:
            inside = False
            raise Interrupt

    done: set[int] = set()
    number = interrupts = 0
    alarm = Alarm(handler, 1500)
    while alarm.goes_on():
        number += 1
        try:
            inside = True
            bench.log.info("main", number=number, odd=(number,))
            inside = False
            done.add(number)
        except Interrupt:
            interrupts += 1
    bench.log.info("main", number=0)
    found: list[Any] = [record.attributes["number"] for record in bench.records()]
    assert interrupts > 100
    assert done <= set(found)
    assert len(set(found)) == len(found)
    assert bench.balanced()


@scenario
def finalisers_of_garbage_log_at_any_allocation(twin: Twin) -> None:
    bench = Bench(twin)

    class Chatty:
        def __str__(self) -> str:
            bench.log.info("inner", b="x" * 40)
            return "chatty"

    class Cycle:
        def __init__(self) -> None:
            self.me = self

        def __del__(self) -> None:
            bench.log.info("collected", a=[1, 2], b=Chatty())

    before = gc.get_threshold()
    gc.set_threshold(7, 2, 2)
    for number in range(1500):
        Cycle()
        bench.log.info("outer", a=Cycle(), b=[number], c={"k": number}, d=(1 << 70))
    gc.set_threshold(*before)
    gc.collect()
    found = [record.body for record in bench.records()]
    assert found.count("outer") == 1500
    assert found.count("collected") == found.count("inner") == 3000
    assert bench.balanced()


@scenario
def handlers_and_finalisers_log_together(twin: Twin) -> None:
    bench = Bench(twin, size=4096)
    counts = {"handler": 0, "finaliser": 0}

    def log(who: str) -> None:
        counts[who] += 1
        bench.log.info(who, odd=[counts[who]], **{f"k{n}": n for n in range(counts[who] % 60)})

    class Cycle:
        def __init__(self) -> None:
            self.me = self

        def __del__(self) -> None:
            log("finaliser")

        def __str__(self) -> str:
            return "cycle"

    written = 0
    alarm = Alarm(lambda: log("handler"), 600)
    while alarm.goes_on():
        bench.log.info("main", a=Cycle())
        written += 1
    gc.collect()
    found = [record.body for record in bench.records()]
    assert {who: found.count(who) for who in counts} == counts
    assert found.count("main") == written == counts["finaliser"]
    assert bench.balanced()


if __name__ == "__main__":
    faulthandler.dump_traceback_later(80, exit=True)
    chosen = {"native": NATIVE, "python": PYTHON}[sys.argv[1]]
    for name in sys.argv[2:] or SCENARIOS:
        SCENARIOS[name](chosen)
        print("survived", name, flush=True)
