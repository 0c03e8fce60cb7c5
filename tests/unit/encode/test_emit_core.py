from __future__ import annotations

import time
from typing import Any

import pytest

from fapilog_otel.encode.emit import LANES
from fapilog_otel.encode.intake import ATTEMPTS
from fapilog_otel.encode.plan import EncodePlan, Limits
from fapilog_otel.model.record import Record
from fapilog_otel.model.scope import Scope
from tests.unit.encode.encoders import SCOPE, Bench, Twin


class TestSubmitting:
    def test_writes_every_field(self, bench: Bench) -> None:
        bench.submit({"k": [1]}, {"a": 1}, 17, text="ERROR", ids=(3, 4, 1), event_name="e", timestamp=7, observed=8)
        assert bench.record() == Record(
            timestamp=7, observed_timestamp=8, severity_number=17, severity_text="ERROR", body={"k": [1]},
            attributes={"a": 1}, trace_id=3, span_id=4, trace_flags=1, event_name="e", scope=SCOPE,
        )  # fmt: skip
        assert bench.record().scope is SCOPE

    def test_keeps_order_within_a_band(self, bench: Bench) -> None:
        for number in range(200):
            bench.submit(number)
        assert [record.body for record in bench.records()] == list(range(200))

    def test_copies_what_it_is_given(self, bench: Bench) -> None:
        attributes: dict[str, Any] = {"list": [1], "text": "a"}
        bench.submit(attributes, attributes)
        attributes["list"].append(2)
        attributes["text"] = "b"
        record = bench.record()
        assert record.body == dict(record.attributes) == {"list": [1], "text": "a"}

    @pytest.mark.parametrize(
        ("given", "stored"),
        [(0, 0), (1, 1), ((1 << 64) - 1, (1 << 64) - 1), (1 << 64, 0), (1 << 200, 0)],
    )
    def test_a_time_that_fixed64_cannot_hold_is_unknown(self, bench: Bench, given: int, stored: int) -> None:
        bench.submit(timestamp=given)
        assert bench.record().timestamp == stored

    @pytest.mark.parametrize("given", [0, -1, -(1 << 200), 1 << 64])
    def test_it_is_observed_now_where_nothing_usable_is_given(self, bench: Bench, given: int) -> None:
        before = time.time_ns()
        bench.submit(observed=given)
        assert before <= bench.record().observed_timestamp <= time.time_ns()

    def test_a_negative_time_is_now(self, bench: Bench) -> None:
        bench.submit(timestamp=-1, observed=0)
        record = bench.record()
        assert record.timestamp == record.observed_timestamp
        assert time.time_ns() - record.timestamp < 60e9

    @pytest.mark.parametrize("severity", [-1, 25, 255, 256, 1 << 24, -(1 << 24), 1 << 40, -(1 << 80), 1 << 80])
    def test_a_severity_out_of_range_is_none(self, bench: Bench, severity: int) -> None:
        bench.submit("a", severity=severity)
        bench.submit_fields("b", severity=severity)
        bench.core.closed = True
        bench.submit("c", severity=severity)
        bench.submit_fields("d", severity=severity)
        assert [(record.body, record.severity_number) for record in bench.records()] == [("a", 0), ("b", 0)]
        assert bench.core.submitted_counts() == [4] + [0] * (LANES - 1)
        assert bench.core.dropped_counts() == {"shutdown": [2] + [0] * (LANES - 1)}

    @pytest.mark.parametrize(
        ("severity", "band"), [(0, 1), (1, 0), (8, 0), (9, 1), (12, 1), (13, 2), (16, 2), (17, 3), (24, 3)]
    )
    def test_goes_into_the_band_of_its_severity(self, bench: Bench, severity: int, band: int) -> None:
        bench.submit(severity=severity)
        bench.core.seal_open()
        assert [chunk.band for chunk in bench.core.sealed] == [band]

    def test_fields_carry_what_was_dropped_before(self, bench: Bench) -> None:
        bench.submit_fields(attributes={"a": 1, "": 2}, dropped=5)
        record = bench.record()
        assert (dict(record.attributes), record.dropped_attributes_count) == ({"a": 1}, 6)


class TestAttributesTogether:
    PLAN = EncodePlan(static_attributes={"a": "static", "s": 0})

    def test_nearer_ones_win_and_keep_the_first_place(self, twin: Twin) -> None:
        bench = Bench(twin, self.PLAN)
        bench.submit(attributes={"a": "call", "c": 3}, bound={"a": "bound", "b": 2})
        assert list(bench.record().attributes.items()) == [("a", "call"), ("s", 0), ("b", 2), ("c", 3)]

    def test_the_logger_wins_over_the_static_ones(self, twin: Twin) -> None:
        bench = Bench(twin, self.PLAN)
        bench.submit(bound={"a": "bound"})
        assert dict(bench.record().attributes) == {"a": "bound", "s": 0}

    @pytest.mark.parametrize("kind", [list, tuple, iter])
    def test_pairs_are_taken_too(self, bench: Bench, kind: Any) -> None:
        bench.submit(attributes=kind([("a", 1)]))
        assert dict(bench.record().attributes) == {"a": 1}

    @pytest.mark.parametrize("attributes", [5, object, ["a"], "text"], ids=str)
    def test_what_is_no_mapping_leaves_a_note(self, bench: Bench, attributes: Any) -> None:
        bench.submit("kept", attributes)
        record = bench.record()
        assert record.body == "kept"
        assert list(record.attributes) == ["log.record.attributes_error"]


class TestCounting:
    def test_counts_by_severity(self, bench: Bench) -> None:
        for severity in (9, 9, 17, 0):
            bench.submit(severity=severity)
        expected = [0] * LANES
        expected[0], expected[9], expected[17] = 1, 2, 1
        assert bench.core.submitted_counts() == expected
        assert bench.core.filtered_counts() == [0] * LANES
        assert (bench.core.stored_total(), bench.core.open_records()) == (4, 4)

    def test_sealing_moves_records_out_of_the_open_ones(self, bench: Bench) -> None:
        bench.submit()
        bench.core.seal_open()
        assert (bench.core.open_records(), bench.core.stored_total()) == (0, 1)

    def test_every_change_shows_in_ops(self, bench: Bench) -> None:
        seen = [bench.core.ops]
        for change in (bench.submit, bench.core.seal_open, bench.submit, bench.core.drop_open):
            change()
            seen.append(bench.core.ops)
        assert seen == sorted(set(seen))

    def test_the_lists_given_out_are_copies(self, bench: Bench) -> None:
        bench.submit()
        bench.core.submitted_counts()[9] = 77
        bench.core.filtered_counts()[9] = 77
        assert bench.submitted == 1
        assert bench.balanced()


class TestClosed:
    def test_counts_and_stores_nothing(self, bench: Bench) -> None:
        bench.core.closed = True
        bench.submit(severity=17)
        bench.submit_fields()
        assert bench.dropped == {"shutdown": 2}
        assert bench.records() == []
        assert bench.host.acquired == []
        assert bench.balanced()


class TestChunks:
    def test_a_full_one_is_sealed_and_the_loop_woken(self, twin: Twin) -> None:
        bench = Bench(twin, size=4096)
        for _ in range(100):
            bench.submit("x" * 100)
        assert len(bench.core.sealed) == bench.host.wakes == len(bench.host.acquired) - 1 >= 2
        assert len(bench.records()) == 100

    def test_a_record_larger_than_a_chunk_gets_one_of_its_own(self, twin: Twin) -> None:
        bench = Bench(twin, size=4096)
        bench.submit("small")
        bench.submit("x" * 50_000)
        bench.submit("small again")
        assert [len(record.body) for record in bench.records()] == [5, 50_000, 11]  # type: ignore[arg-type]

    def test_none_given_drops_the_record(self, bench: Bench) -> None:
        bench.host.refusing = True
        bench.submit(severity=17)
        bench.submit_fields()
        assert bench.dropped == {"queue_full": 2}
        assert bench.balanced()

    def test_one_that_is_too_small_again_and_again_drops_the_record(self, twin: Twin) -> None:
        bench = Bench(twin)
        made: list[Any] = []

        def tiny(band: int, need: int, may_wait: bool) -> Any:
            made.append(twin.chunk(64, band))
            return made[-1]

        bench.host.acquire = tiny  # type: ignore[method-assign]
        bench.submit("x" * 1000)
        assert bench.dropped == {"queue_full": 1}
        assert len(made) == ATTEMPTS
        assert bench.balanced()

    def test_an_empty_one_is_never_sealed(self, twin: Twin) -> None:
        """A large record may come while another thread's fresh chunk is still empty."""
        bench = Bench(twin, size=4096)
        sizes: list[int] = []

        def interrupt() -> None:
            if not sizes:
                sizes.append(1)
                bench.submit("x" * 30_000)

        bench.host.on_wake = interrupt
        for _ in range(60):
            bench.submit("x" * 100)
        bench.core.seal_open()
        assert all(chunk.count for chunk in bench.core.sealed)
        assert [chunk.count for chunk in bench.host.released] in ([0], [])
        assert len(bench.records()) == 61

    def test_one_that_another_call_has_opened_meanwhile_is_used(self, bench: Bench) -> None:
        def interrupt() -> None:
            bench.host.on_acquire = lambda: None
            bench.submit("inner")

        bench.host.on_acquire = interrupt
        bench.submit("outer")
        assert [record.body for record in bench.records()] == ["inner", "outer"]
        assert len(bench.host.released) == 1
        assert bench.balanced()

    def test_sealing_while_another_was_asked_for_loses_nothing(self, twin: Twin) -> None:
        """The timer may seal the chunk between the look at it and the new one."""
        bench = Bench(twin, size=4096)
        bench.host.on_acquire = bench.core.seal_open
        for number in range(200):
            bench.submit(number, {"padding": "x" * 50})
        assert [record.body for record in bench.records()] == list(range(200))
        assert len({id(chunk) for chunk in bench.core.sealed}) == len(bench.core.sealed)

    def test_an_acquire_that_raises_costs_one_record(self, bench: Bench) -> None:
        def fail() -> None:
            raise MemoryError

        bench.host.on_acquire = fail
        bench.submit()
        bench.host.on_acquire = lambda: None
        bench.submit("next")
        assert bench.dropped == {"encode_error": 1}
        assert [record.body for record in bench.records()] == ["next"]
        assert bench.balanced()

    def test_those_given_up_hold_what_was_written(self, bench: Bench) -> None:
        bench.submit(severity=9)
        bench.submit(severity=17)
        assert sorted(chunk.band for chunk in bench.core.drop_open()) == [1, 3]
        assert bench.core.open_records() == 0
        assert bench.core.drop_open() == []
        bench.submit("later")
        assert [record.body for record in bench.records()] == ["later"]


class TestSealCount:
    def test_seals_after_so_many_records(self, bench: Bench) -> None:
        bench.core.seal_count = 3
        for number in range(8):
            bench.submit(number)
        assert [chunk.count for chunk in bench.core.sealed] == [3, 3]
        assert bench.host.wakes == 2
        assert len(bench.records()) == 8

    def test_counts_each_band_by_itself(self, bench: Bench) -> None:
        bench.core.seal_count = 2
        for severity in (9, 17, 9, 17):
            bench.submit(severity=severity)
        assert sorted(chunk.band for chunk in bench.core.sealed) == [1, 3]

    def test_a_chunk_that_a_wake_has_sealed_is_not_sealed_twice(self, bench: Bench) -> None:
        bench.core.seal_count = 2
        bench.host.on_wake = bench.core.seal_open
        for number in range(6):
            bench.submit(number)
        assert len({id(chunk) for chunk in bench.core.sealed}) == len(bench.core.sealed)
        assert len(bench.records()) == 6


class TestCountLimit:
    def test_asks_the_host_when_it_is_reached(self, bench: Bench) -> None:
        asked: list[int] = []
        bench.host.on_await = lambda band: bool(asked.append(band))
        bench.core.count_limit = 2
        for severity in (9, 9, 9, 17):
            bench.submit(severity=severity)
        assert asked == [1, 3]
        assert bench.dropped == {"queue_full": 2}
        assert bench.core.stored_total() == 2
        assert bench.balanced()

    def test_goes_on_when_the_host_has_made_room(self, bench: Bench) -> None:
        def settle(band: int) -> bool:
            bench.core.settled_total += 1
            return True

        bench.host.on_await = settle
        bench.core.count_limit = 2
        for number in range(10):
            bench.submit(number)
        assert [record.body for record in bench.records()] == list(range(10))

    def test_a_host_that_promises_room_without_making_any_costs_the_record(self, bench: Bench) -> None:
        bench.host.on_await = lambda band: True
        bench.core.count_limit = 1
        bench.submit()
        bench.submit()
        assert bench.dropped == {"queue_full": 1}

    def test_none_is_no_limit(self, bench: Bench) -> None:
        for _ in range(50):
            bench.submit()
        assert bench.core.stored_total() == 50


class TestStages:
    def bench(self, twin: Twin, *stages: Any) -> Bench:
        return Bench(twin, EncodePlan(stages=stages))

    def test_see_and_change_the_record(self, twin: Twin) -> None:
        other = Scope("other")
        bench = self.bench(
            twin,
            lambda record: record.with_attributes({"seen": f"{record.body} {record.trace_id} {record.timestamp}"}),
            lambda record: record.replace(severity_number=17, scope=other, body="new"),
        )
        bench.submit("old", {"a": (1,)}, ids=(5, 6, 1))
        record = bench.record()
        assert (record.body, record.severity_number, record.scope.name) == ("new", 17, "other")
        assert dict(record.attributes) == {"a": [1], "seen": "old 5 5"}
        assert bench.core.submitted_counts()[9] == 0 or bench.core.submitted_counts()[17] == 1

    def test_filter(self, twin: Twin) -> None:
        calls: list[Record] = []
        bench = self.bench(twin, lambda record: None, calls.append)
        bench.submit(severity=13)
        bench.submit_fields(severity=17)
        lanes = bench.core.filtered_counts()
        assert (lanes[13], lanes[17], sum(lanes), calls) == (1, 1, 2, [])
        assert bench.balanced()

    @pytest.mark.parametrize("result", [5, "text", object(), {"body": 1}], ids=["int", "text", "object", "dict"])
    def test_that_return_nonsense_cost_the_record_and_no_more(self, twin: Twin, result: Any) -> None:
        bench = self.bench(twin, lambda record: result)
        bench.submit()
        bench.submit_fields()
        assert bench.dropped == {"encode_error": 2}
        assert bench.balanced()

    def test_that_raise_are_counted(self, twin: Twin) -> None:
        def fail(record: Record) -> Record:
            raise ValueError("the chain contains this")

        bench = self.bench(twin, fail)
        bench.submit()
        assert bench.dropped == {"encode_error": 1}

    def test_may_log(self, twin: Twin) -> None:
        def chatty(record: Record) -> Record:
            if record.body == "outer":
                bench.submit("inner")
            return record

        bench = self.bench(twin, chatty)
        bench.submit("outer")
        assert [record.body for record in bench.records()] == ["inner", "outer"]

    @pytest.mark.parametrize(("number", "stored"), [(99, 0), (-4, 0), (24, 24)])
    def test_cannot_leave_the_severity_scale(self, twin: Twin, number: int, stored: int) -> None:
        bench = self.bench(twin, lambda record: record.replace(severity_number=number))
        bench.submit()
        assert bench.record().severity_number == stored
        assert bench.balanced()


class TestLimits:
    def test_the_count_limit_spares_the_exception(self, twin: Twin) -> None:
        bench = Bench(twin, EncodePlan(limits=Limits(attributes=3)))
        bench.submit(attributes={**{f"k{n}": n for n in range(10)}, "exception.type": "E", "exception.message": "m"})
        record = bench.record()
        assert dict(record.attributes) == {"k0": 0, "exception.type": "E", "exception.message": "m"}
        assert record.dropped_attributes_count == 9

    @pytest.mark.parametrize("count", [39, 40, 41, 128, 129, 500])
    def test_counts_around_the_stack_of_the_native_encoder(self, twin: Twin, count: int) -> None:
        bench = Bench(twin)
        bench.submit(attributes={f"k{n}": n for n in range(count)})
        record = bench.record()
        assert dict(record.attributes) == {f"k{n}": n for n in range(min(count, 128))}
        assert record.dropped_attributes_count == max(count - 128, 0)

    def test_an_oversized_record_is_cut_and_kept(self, twin: Twin) -> None:
        bench = Bench(twin, EncodePlan(limits=Limits(record_bytes=2000)), size=1 << 20)
        bench.submit("b" * 100_000, {"a": "a" * 50_000, "n": 1})
        record = bench.record()
        assert "bytes cut" in str(record.body)
        assert record.attributes["n"] == 1
        assert bench.core.drop_open() == []
        (chunk,) = bench.core.sealed
        assert chunk.length <= 2003
