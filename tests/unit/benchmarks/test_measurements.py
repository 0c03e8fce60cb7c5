"""What the measurements conclude from what they were told: they must see what is missing, and divide the right way."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from benchmarks.compare.measurements import allocations, hanging, latency, overload, scaling, starting
from benchmarks.compare.measurements.child import disagreements
from benchmarks.compare.measurements.event_loop import Ticker
from benchmarks.compare.measurements.receiving import canned
from benchmarks.compare.measurements.registry import MEASUREMENTS
from benchmarks.compare.measurements.scaling_points import HARD, POINTS, SWEEPS, Point
from benchmarks.compare.measurements.table import Plan, markdown, number, rounded
from benchmarks.compare.shapes import shapes
from benchmarks.compare.workload import BODY

SPAN = bytes(range(16))


def account(submitted: int, delivered: int, **others: int) -> dict[str, Any]:
    """A library's own counters, balanced unless told otherwise."""
    rest = dict.fromkeys(("filtered", "dropped", "failed", "in_flight"), 0) | others
    return {"submitted": submitted, "delivered": delivered, "balanced": True, **rest}


def told(written: int = 10, arrived: int = 10, **changes: object) -> dict[str, Any]:
    """What a child process and its receiver say of a run."""
    return {"written": written, "arrived": arrived, "flushed": True, "stats": account(written, arrived)} | changes


def request(*records: LogRecord) -> bytes:
    message = ExportLogsServiceRequest()
    message.resource_logs.add().scope_logs.add().log_records.extend(records)
    return message.SerializeToString()


def record(body: AnyValue, attributes: int = 0, trace_id: bytes = SPAN) -> LogRecord:
    pairs = [KeyValue(key=str(index), value=AnyValue(int_value=index)) for index in range(attributes)]
    return LogRecord(body=body, attributes=pairs, trace_id=trace_id)


class TestDisagreements:
    def test_are_none_when_everything_arrived_and_is_counted(self) -> None:
        assert list(disagreements(told(), may_lose=False)) == []

    def test_are_none_when_losing_is_allowed_and_counted(self) -> None:
        lossy = told(10, 7, stats=account(10, 7, dropped=3))
        assert list(disagreements(lossy, may_lose=True)) == []
        assert list(disagreements(lossy, may_lose=False)) != []

    def test_are_none_for_a_library_that_does_not_count(self) -> None:
        assert list(disagreements(told(10, 7, stats={}), may_lose=True)) == []

    @pytest.mark.parametrize(
        "changes",
        [
            {"stats": account(10, 9, dropped=1)},
            {"stats": account(9, 9)},
            {"stats": account(10, 10, in_flight=1)},
            {"stats": account(10, 10) | {"balanced": False}},
        ],
        ids=["delivered-less-than-arrived", "submitted-less-than-written", "sum-is-more", "not-balanced"],
    )
    def test_are_seen_though_losing_is_allowed(self, changes: dict[str, Any]) -> None:
        assert list(disagreements(told(**changes), may_lose=True)) != []

    @pytest.mark.parametrize("changes", [{"flushed": False}, {"arrived": 9}], ids=["not-flushed", "one-missing"])
    def test_are_seen_where_nothing_may_be_lost(self, changes: dict[str, Any]) -> None:
        assert list(disagreements(told(**changes), may_lose=False)) != []


class TestLatency:
    def test_quantiles_are_without_the_clocks_own_cost(self) -> None:
        samples = list(range(1, 1_002))
        assert latency.quantiles(samples[::-1], 1.0) == {"p50": 500.0, "p99": 990.0, "p99.9": 999.0}

    def test_quantiles_are_never_below_nothing(self) -> None:
        assert set(latency.quantiles([5, 5, 5], 9.0).values()) == {0.0}

    def test_rounds_are_put_together_by_their_medians(self) -> None:
        runs = [
            {"calls": 10, "written": 12, "arrived": 12 - lost, "rate": 5.0, "p50": p50, "p99": 1.0, "p99.9": 2.0}
            for p50, lost in ((3.0, 0), (1.0, 2), (9.0, 0))
        ]
        found = latency.summary(runs)
        assert (found["calls"], found["lost"], found["p50"]) == (30, 2, 3.0)


class TestTicker:
    async def test_sees_a_loop_that_is_held_up(self) -> None:
        loop = asyncio.get_running_loop()
        ticker = Ticker(loop)
        begun = loop.time()
        while loop.time() - begun < 0.05:
            pass  # a task that does not give way: neither does time go by for the timer
        assert ticker.stop() >= 0.04


class TestOverload:
    def test_rates_are_those_of_what_arrived(self) -> None:
        run = told(10, 4, stats=account(10, 4, dropped=5, failed=1), written_s=2.0, elapsed_s=4.0)
        found = overload.summary([run, run, run])
        assert (found["written"], found["arrived"]) == (30, 12)
        assert (found["counted"], found["balanced"], found["call_rate"], found["rate"]) == (18, True, 5.0, 1.0)

    def test_does_not_invent_an_account(self) -> None:
        found = overload.summary([told(10, 4, stats={}, written_s=1.0, elapsed_s=1.0)])
        assert (found["counted"], found["balanced"]) == (None, False)


class TestHanging:
    def run(self, **changes: object) -> dict[str, Any]:
        base = 50 << 20
        stats = account(100, 0, dropped=60, in_flight=40)
        return {"written": 100, "base": base, "peak": base + hanging.QUEUE_BYTES, "stats": stats} | changes

    def test_accepts_a_full_queue_within_its_bound(self) -> None:
        assert hanging.faults(self.run()) == []

    @pytest.mark.parametrize(
        "changes",
        [
            {"peak": (50 << 20) + hanging.QUEUE_BYTES * 1.11},
            {"stats": account(100, 0, in_flight=100)},
            {"stats": account(99, 0, dropped=99)},
            {"stats": account(100, 1, dropped=99)},
        ],
        ids=["too-much-memory", "never-full", "one-not-counted", "one-delivered-to-nobody"],
    )
    def test_refuses(self, changes: dict[str, Any]) -> None:
        assert hanging.faults(self.run(**changes)) != []


class TestAllocations:
    def run(self, **changes: object) -> dict[str, Any]:
        clean = {"records": 1_000_000, "traced": 100_000, "blocks": 40, "traced_kept": 900, "written": 10}
        return {**clean, "flushed": True, "stats": account(10, 10)} | changes

    def test_accepts_what_a_cache_takes_once(self) -> None:
        assert allocations.faults(self.run()) == []

    @pytest.mark.parametrize(
        "changes",
        [{"blocks": 1_100}, {"traced_kept": 200_000}, {"stats": account(10, 9, dropped=1)}, {"flushed": False}],
        ids=["a-block-in-a-thousand", "bytes-a-record", "a-record-dropped", "not-flushed"],
    )
    def test_refuses(self, changes: dict[str, Any]) -> None:
        assert allocations.faults(self.run(**changes)) != []


class TestStarting:
    def test_accepts_the_record_and_nothing_else(self) -> None:
        right = record(AnyValue(string_value=BODY))
        assert starting.wrong(request(right)) == ""
        assert starting.wrong(request(right, right)) != ""
        assert starting.wrong(request(record(AnyValue(string_value="other")))) != ""


class TestShapes:
    def test_tell_what_arrived(self) -> None:
        bodies = [
            request(record(AnyValue(string_value="ab"), 3), record(AnyValue(string_value="cd"), 3)),
            request(record(AnyValue(bytes_value=b"abc"), trace_id=bytes(16))),
        ]
        found = shapes(bodies, SPAN)
        assert (found["records"], found["in_span"], found["size"]) == (3, 2, sum(map(len, bodies)))
        assert found["shapes"] == {"string_value 2 3": 2, "bytes_value 3 0": 1}


class TestScaling:
    def found(self, **changes: object) -> dict[str, Any]:
        shape = {"string_value 40 5": 99, "string_value 65536 5": 1}
        return {"records": 100, "in_span": 100, "shapes": shape} | changes

    def test_accepts_what_was_written(self) -> None:
        point = Point("hard", "one large", large_every=100)
        assert scaling.wrong_shapes(point, {"written": 100, "large": 1}, self.found()) == []

    @pytest.mark.parametrize(
        "changes",
        [{"in_span": 99}, {"shapes": {"string_value 40 5": 100}}, {"shapes": {"bytes_value 40 5": 100}}],
        ids=["out-of-the-span", "cut", "of-another-kind"],
    )
    def test_refuses_what_is_changed(self, changes: dict[str, Any]) -> None:
        point = Point("hard", "one large", large_every=100)
        assert scaling.wrong_shapes(point, {"written": 100, "large": 1}, self.found(**changes)) != []

    def test_expects_every_destination_to_get_everything(self) -> None:
        run = {"written": 50, "large": 0}
        found = {"records": 100, "in_span": 100, "shapes": {"string_value 40 5": 100}}
        assert scaling.wrong_shapes(Point("destinations", "2", destinations=2), run, found) == []
        assert scaling.wrong_shapes(Point("destinations", "3", destinations=3), run, found) != []

    @pytest.mark.parametrize("point", [*POINTS, *HARD], ids=lambda one: f"{one.sweep}-{one.label}")
    def test_points_write_as_many_records_in_each_thread(self, point: Point) -> None:
        for side in ("ours", "sdk"):
            assert point.records(side, 0.02) > 0
            assert point.records(side, 0.02) % point.threads == 0
        assert point.sweep in (*SWEEPS, "hard")


class TestReceiving:
    def test_bodies_hold_what_is_counted(self) -> None:
        body, records = canned(64 * 1024)
        found = shapes([body], (7).to_bytes(16, "big"))
        assert (found["records"], found["in_span"]) == (records, records)
        assert 0.8 < len(body) / (64 * 1024) < 1.2


class TestTable:
    def test_is_markdown_with_numbers_to_the_right(self) -> None:
        assert markdown(("what", "ms"), [["a", "12"]], 1).splitlines() == [
            "| what | ms |",
            "| ---- | -: |",
            "| a    | 12 |",
        ]

    def test_numbers_have_their_thousands_apart_and_three_digits(self) -> None:
        assert (number(1234567.2), rounded(1234567.2), rounded(85.4)) == ("1 234 567", "1 230 000", "85")

    def test_scale_never_leaves_nothing(self) -> None:
        assert Plan(1, 0.001).of(10, 3) == 3

    def test_every_measurement_has_a_name_of_its_own(self) -> None:
        assert len(MEASUREMENTS) == 8
