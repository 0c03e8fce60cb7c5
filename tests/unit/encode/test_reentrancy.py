from __future__ import annotations

import gc
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
