from __future__ import annotations

import gc
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fapilog_otel.encode.plan import EncodePlan, Limits
from tests.unit.encode.encoders import Bench, Twin


class Chatty:
    """Logs through the core that it is being written by."""

    def __init__(self, bench: Bench, depth: int = 1) -> None:
        self.bench = bench
        self.depth = depth

    def __str__(self) -> str:
        if self.depth:
            self.depth -= 1
            self.bench.log.info("inner", a=Chatty(self.bench, self.depth), b="x" * 40)
        return "chatty"


def bodies(bench: Bench) -> list[Any]:
    return [record.body for record in bench.records()]


class TestValuesThatLog:
    def test_write_their_record_first(self, bench: Bench) -> None:
        bench.log.info("outer", a=1, b=Chatty(bench), c="x")
        inner, outer = bench.records()
        assert (inner.body, outer.body) == ("inner", "outer")
        assert dict(outer.attributes) == {"a": 1, "b": "chatty", "c": "x"}

    @pytest.mark.parametrize("depth", [1, 2, 8, 30])
    def test_nest(self, bench: Bench, depth: int) -> None:
        bench.log.info("outer", a=Chatty(bench, depth))
        assert bodies(bench) == ["inner"] * depth + ["outer"]
        assert bench.balanced()

    def test_may_stand_anywhere(self, bench: Bench) -> None:
        bench.log.info(Chatty(bench))
        bench.log.info("%s", Chatty(bench))
        bench.log.info("text", a=[{"k": Chatty(bench)}])
        bench.log.info("text", exc_info=ValueError(Chatty(bench)))
        bench.log.emit(body="text", attributes={Chatty(bench): 1})
        found = bodies(bench)
        assert found.count("inner") >= 5
        assert len(found) - found.count("inner") == 5

    def test_may_fill_the_chunk_under_the_outer_record(self, twin: Twin) -> None:
        bench = Bench(twin, size=4096)

        class Floods:
            def __str__(self) -> str:
                for number in range(100):
                    bench.log.info("flood", number=number, padding="x" * 80)
                return "flooded"

        for _ in range(3):
            bench.log.info("outer", a=Floods(), b=Floods())
        found = bench.records()
        assert [record.body for record in found].count("outer") == 3
        assert len(found) == 603
        assert all(record.attributes["number"] in range(100) for record in found if record.body == "flood")

    def test_may_seal_and_close(self, bench: Bench) -> None:
        class Seals:
            def __str__(self) -> str:
                bench.core.seal_open()
                return "sealed"

        class Closes:
            def __str__(self) -> str:
                bench.core.closed = True
                return "closed"

        bench.log.info("first", a=Seals())
        bench.log.info("second", a=Closes())
        bench.log.info("too late")
        assert bodies(bench) == ["first", "second"]
        assert bench.dropped == {"shutdown": 1}

    def test_may_drop_what_is_open(self, bench: Bench) -> None:
        given_up: list[Any] = []

        class Drops:
            def __str__(self) -> str:
                given_up.extend(bench.core.drop_open())
                return "dropped"

        bench.log.info("first")
        bench.log.info("second", a=Drops())
        assert bodies(bench) == ["second"]
        assert [chunk.count for chunk in given_up] == [1]

    def test_may_change_the_mapping_they_came_in(self, bench: Bench) -> None:
        attributes: dict[str, Any] = {}

        class Changes:
            def __str__(self) -> str:
                attributes.clear()
                attributes["new"] = 1
                gc.collect()
                return "changed"

        attributes.update(a="x" * 50, b=Changes(), c="y" * 50)
        bench.submit("kept", attributes)
        assert dict(bench.record().attributes) == {"a": "x" * 50, "b": "changed", "c": "y" * 50}

    def test_may_log_from_a_mapping_over_the_limit(self, twin: Twin) -> None:
        bench = Bench(twin, EncodePlan(limits=Limits(attributes=2, record_bytes=600)))
        bench.log.info("x" * 2000, a=Chatty(bench), b=Chatty(bench), c=Chatty(bench))
        record = bench.records()[-1]
        assert record.dropped_attributes_count == 1


class TestHostsThatLog:
    def test_from_acquire_and_wake(self, twin: Twin) -> None:
        bench = Bench(twin, size=4096)
        busy: list[int] = []

        def log() -> None:
            if not busy:
                busy.append(1)
                bench.log.error("from the host")
                bench.log.info("from the host")
                busy.clear()

        bench.host.on_acquire = bench.host.on_wake = log
        for number in range(200):
            bench.log.info("mine", number=number, padding="x" * 50)
        found = bench.records()
        assert [r.attributes["number"] for r in found if r.body == "mine"] == list(range(200))
        assert bench.balanced()
        assert all(chunk.count for chunk in bench.core.sealed)

    def test_every_acquired_chunk_is_used_or_released(self, twin: Twin) -> None:
        bench = Bench(twin, size=4096)
        depth: list[int] = []

        def log() -> None:
            if len(depth) < 3:
                depth.append(1)
                bench.log.info("x" * (500 * len(depth)))
                depth.pop()

        bench.host.on_acquire = log
        for number in range(100):
            bench.log.info("mine", number=number, padding="x" * 300)
        bench.core.seal_open()
        known = {id(chunk) for chunk in (*bench.core.sealed, *bench.host.released)}
        assert {id(chunk) for chunk in bench.host.acquired} == known
        assert not {id(chunk) for chunk in bench.core.sealed} & {id(chunk) for chunk in bench.host.released}


class TestFinalisers:
    def test_may_log(self, bench: Bench) -> None:
        class Dies:
            def __del__(self) -> None:
                bench.log.info("dead")

            def __str__(self) -> str:
                return "alive"

        for _ in range(50):
            bench.log.info("outer", a=Dies(), b=[Dies()], c="x")
        found = bodies(bench)
        assert (found.count("outer"), found.count("dead")) == (50, 100)

    def test_of_garbage_may_log_at_any_allocation(self, bench: Bench) -> None:
        class Cycle:
            def __init__(self) -> None:
                self.me = self

            def __del__(self) -> None:
                bench.log.info("collected", a=[1, 2], b=Chatty(bench))

        gc.collect()
        before = gc.get_threshold()
        gc.set_threshold(7, 2, 2)
        try:
            for number in range(1500):
                Cycle()
                bench.log.info("outer", a=Cycle(), b=[number], c={"k": number}, d=(1 << 70))
        finally:
            gc.set_threshold(*before)
        gc.collect()
        found = bodies(bench)
        assert found.count("outer") == 1500
        assert found.count("collected") == found.count("inner") == 3000
        assert bench.balanced()


class Alarm:
    """Runs a function from a signal handler, again and again, a random short time after it has come back."""

    def __init__(self) -> None:
        self.handler: Callable[[], None] = lambda: None
        self.rung = 0
        self._random = random.Random(5)
        self._on = False

    def start(self, handler: Callable[[], None]) -> None:
        self.handler, self._on = handler, True
        signal.signal(signal.SIGALRM, self._ring)
        self._rearm()

    def stop(self) -> None:
        self._on = False
        signal.setitimer(signal.ITIMER_REAL, 0)

    def rings(self, wanted: int) -> bool:
        """Tell whether to go on until it has rung so many times; fails where that takes too long."""
        if not self.rung:
            self._end = time.monotonic() + 20
        assert time.monotonic() < getattr(self, "_end", float("inf")), "the alarm does not ring"
        return self.rung < wanted

    def _rearm(self) -> None:
        if self._on:
            signal.setitimer(signal.ITIMER_REAL, self._random.uniform(0.00002, 0.0004))

    def _ring(self, number: int, frame: object) -> None:
        self.rung += 1
        try:
            self.handler()
        finally:
            self._rearm()


@pytest.fixture
def alarm() -> Iterator[Alarm]:
    """An alarm; the test runner's own is wound up again afterwards."""
    before, timer = signal.getsignal(signal.SIGALRM), signal.getitimer(signal.ITIMER_REAL)
    made = Alarm()
    try:
        yield made
    finally:
        made.stop()
        signal.signal(signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, *timer)


class TestSignalHandlers:
    def work(self, bench: Bench, alarm: Alarm, rings: int = 400) -> int:
        number = 0
        while alarm.rings(rings):
            bench.log.info("main", number=number, odd=(number,), text="x" * (number % 300))
            bench.log.error("main", number=number, big=1 << 70)
            number += 1
        alarm.stop()
        return number

    @pytest.mark.parametrize("seal_count", [0, 7])
    def test_may_log_while_another_record_is_written(self, twin: Twin, alarm: Alarm, seal_count: int) -> None:
        bench = Bench(twin, size=4096)
        bench.core.seal_count = seal_count
        alarm.start(lambda: bench.log.info("handler", number=alarm.rung, odd=[1]))
        written = self.work(bench, alarm)
        found = bench.records()
        assert sorted(r.attributes["number"] for r in found if r.body == "handler") == list(range(1, alarm.rung + 1))
        for severity in (9, 17):
            mine = [r.attributes["number"] for r in found if r.body == "main" and r.severity_number == severity]
            assert mine == list(range(written))
        assert bench.balanced()

    def test_may_seal_while_a_record_is_written(self, twin: Twin, alarm: Alarm) -> None:
        bench = Bench(twin, size=4096)
        alarm.start(bench.core.seal_open)
        written = self.work(bench, alarm)
        assert len(bench.records()) == 2 * written
        assert len({id(chunk) for chunk in bench.core.sealed}) == len(bench.core.sealed)

    def test_may_seal_while_chunks_are_sealed_and_given_up(self, twin: Twin, alarm: Alarm) -> None:
        bench = Bench(twin, size=4096)
        given_up: list[Any] = []
        written = 0
        alarm.start(bench.core.seal_open)
        while alarm.rings(400):
            bench.log.info("main")
            written += 1
            bench.core.seal_open()
            bench.log.info("main")
            written += 1
            given_up.extend(bench.core.drop_open())
        alarm.stop()
        bench.core.seal_open()
        chunks = [*bench.core.sealed, *given_up]
        assert len({id(chunk) for chunk in chunks}) == len(chunks)
        assert sum(chunk.count for chunk in chunks) == written

    def test_may_raise_out_of_a_call(self, twin: Twin, alarm: Alarm) -> None:
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
        alarm.start(handler)
        while alarm.rings(800):
            number += 1
            try:
                inside = True
                bench.log.info("main", number=number, odd=(number,))
                inside = False
                done.add(number)
            except Interrupt:
                interrupts += 1
        alarm.stop()
        bench.log.info("main", number=0)
        found: list[Any] = [record.attributes["number"] for record in bench.records()]
        assert interrupts > 50
        assert done <= set(found)
        assert len(set(found)) == len(found)
        assert bench.balanced()


class TestThreads:
    def test_every_record_of_every_thread_arrives_once(self, twin: Twin) -> None:
        bench = Bench(twin, size=1 << 14)
        threads, each = 16, 500

        def work(name: int) -> None:
            for number in range(each):
                bench.log.info("m", name=name, number=number, odd=(number,), padding="x" * (number % 200))

        workers = [threading.Thread(target=work, args=(name,)) for name in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        found = [(record.attributes["name"], record.attributes["number"]) for record in bench.records()]
        assert sorted(found) == [(name, number) for name in range(threads) for number in range(each)]
        for name in range(threads):
            assert [number for who, number in found if who == name] == list(range(each))
        assert bench.balanced()

    def test_sealing_and_collecting_beside_them_loses_nothing(self, twin: Twin) -> None:
        bench = Bench(twin, size=4096)
        stop = threading.Event()
        number_of = [0] * 6

        def work(name: int) -> None:
            while not stop.is_set():
                bench.submit({"name": name}, {"number": number_of[name]}, (9, 17, 5)[name % 3])
                number_of[name] += 1

        def disturb() -> None:
            while not stop.is_set():
                bench.core.seal_open()
                gc.collect(0)
                bench.core.submitted_counts()
                bench.core.open_records()

        workers = [threading.Thread(target=work, args=(name,)) for name in range(6)]
        workers.append(threading.Thread(target=disturb))
        for worker in workers:
            worker.start()
        time.sleep(0.25)
        stop.set()
        for worker in workers:
            worker.join()
        found = bench.records()
        assert len(found) == sum(number_of) == bench.submitted
        for name, count in enumerate(number_of):
            assert [r.attributes["number"] for r in found if r.body == {"name": name}] == list(range(count))

    def test_reconfiguring_beside_them_loses_no_record(self, twin: Twin) -> None:
        bench = Bench(twin)
        cores = [bench.core]
        stop = threading.Event()
        counts = [0] * 4

        def work(name: int) -> None:
            log = bench.logger()
            while not stop.is_set():
                log.info("m", odd=(name,))
                counts[name] += 1

        workers = [threading.Thread(target=work, args=(name,)) for name in range(4)]
        for worker in workers:
            worker.start()
        for _ in range(40):
            bench.port.core = core = bench.new_core()
            cores.append(core)
            time.sleep(0.002)
        stop.set()
        for worker in workers:
            worker.join()
        assert sum(core.stored_total() for core in cores) == sum(counts)
        assert sum(counts) > 40
