"""Records that the native encoder takes the plain way, and what sends them the general one: the bytes are the same."""

from __future__ import annotations

import itertools
from contextlib import nullcontext
from typing import Any

import pytest
from opentelemetry._logs import SeverityNumber

from fapilog_otel.encode.context import bound_context
from fapilog_otel.encode.plan import DROP, KEEP, MASK, EncodePlan, Limits, Redaction
from tests.unit.encode.encoders import NATIVE, PYTHON, Bench, Twin

TIMES = {"timestamp": 5, "observed_timestamp": 6}
VERDICTS = {"masked": MASK, "left_out": DROP}
REDACTION = Redaction(
    lambda key: VERDICTS.get(key, KEEP), lambda text: text.replace("hunter2", "***"), literals=("hunter2",), digits=True
)


def written(twin: Twin, calls: Any, plan: EncodePlan | None = None, **options: Any) -> list[bytes]:
    """The messages that a bench writes for some calls; each is made three times, twice with caches filled."""
    bench = Bench(twin, plan, **options)
    for call in calls:
        for _ in range(3):
            call(bench)
    bench.core.seal_open()
    assert bench.balanced()
    chunks = [chunk for chunk in bench.core.sealed if chunk.count]
    return [bytes(payload) for chunk in chunks for payload, _ in chunk.payloads(0, chunk.count)]


def assert_same(calls: Any, plan: EncodePlan | None = None, **options: Any) -> list[bytes]:
    calls = list(calls)
    found = written(NATIVE, calls, plan, **options)
    assert found == written(PYTHON, calls, plan, **options)
    assert len(found) == 3 * len(calls)
    return found


def emitting(bound: dict[str, Any] | None = None, running: dict[str, Any] | None = None, **fields: Any) -> Any:
    """A call of ``emit`` on a logger with bound attributes, in a context with others."""

    def call(bench: Bench) -> None:
        with bound_context(**running) if running is not None else nullcontext():
            bench.logger(bound).emit(**TIMES, **fields)

    return call


VALUES = [
    "text",
    "",
    "naïve ☃",
    "\ud800",
    True,
    False,
    None,
    0,
    -1,
    1 << 62,
    -(1 << 63),
    1 << 63,
    1.5,
    float("inf"),
    b"x",
    [1],
]


class TestValues:
    @pytest.mark.parametrize("value", VALUES, ids=repr)
    def test_of_attributes_and_bodies_are_written_alike(self, value: Any) -> None:
        assert_same([emitting(body=value), emitting(body="b", attributes={"a": 1, "k": value, "z": 2})])

    @pytest.mark.parametrize("value", [0, 1, -5, 1 << 63, 1 << 64, 2.5, None, "soon"], ids=repr)
    def test_of_times_are_written_alike(self, value: Any) -> None:
        def call(bench: Bench) -> None:
            bench.log.emit(timestamp=value, observed_timestamp=6, body="b")

        assert_same([call])

    @pytest.mark.parametrize("number", [*range(25), None], ids=repr)
    @pytest.mark.parametrize("text", ["INFO", "", None, "long " * 20, "naïve", "\ud800"], ids=repr)
    def test_of_severity_are_written_alike(self, number: int | None, text: Any) -> None:
        severity = None if number is None else SeverityNumber(number)
        assert_same([emitting(severity_number=severity, severity_text=text, body="b")])

    @pytest.mark.parametrize("event", ["order.placed", "", None, "\ud800", 5], ids=repr)
    def test_of_event_names_are_written_alike(self, event: Any) -> None:
        assert_same([emitting(event_name=event, body="b")])

    @pytest.mark.parametrize("size", [0, 1, 126, 127, 128, 129, 16_382, 16_383, 16_384, 70_000])
    def test_of_any_length_are_written_alike(self, size: int) -> None:
        assert_same([emitting(body="x" * size, attributes={"k": "y" * size})], size=1 << 18)


class TestKeys:
    @pytest.mark.parametrize("size", [1, 29, 30, 31, 32, 33, 127, 128, 255, 256, 257, 1000])
    def test_of_any_length_are_written_alike(self, size: int) -> None:
        assert_same([emitting(attributes={"k" * size: 1, "z": "after"})])

    @pytest.mark.parametrize("key", ["", "\ud800", 5, None, b"x", "exc_info"], ids=repr)
    def test_of_odd_kinds_are_written_alike(self, key: Any) -> None:
        assert_same([emitting(attributes={"a": 1, key: 2, "z": 3})])

    def test_made_anew_for_each_call_are_found_by_their_text(self) -> None:
        def call(bench: Bench) -> None:
            bench.log.emit(**TIMES, attributes={f"order{number}": number for number in range(2)})

        assert_same([call])

    def test_that_outnumber_every_cache_are_still_told_apart(self) -> None:
        bench = Bench(NATIVE, size=1 << 20)
        names = [f"key{number}" for number in range(10_000)]
        for name in (*names, *names[:10], *names[-10:]):
            bench.log.emit(**TIMES, attributes={name: name, "same": 1})
        for record in bench.records():
            (name, value), _ = record.attributes.items()
            assert name == value


class TestLayers:
    @pytest.mark.parametrize("twin", [NATIVE, PYTHON], ids=lambda twin: twin.name)
    def test_later_ones_win_where_the_first_one_stands(self, twin: Twin) -> None:
        bench = Bench(twin, EncodePlan(static_attributes={"a": "static", "b": "static", "s": 1}))
        log = bench.logger({"c": "bound", "b": "bound"})
        for _ in range(3):
            with bound_context(b="running", d="running", r=2):
                log.info("m", d="call", e="call")
        for record in bench.records():
            assert list(record.attributes.items()) == [
                ("a", "static"), ("b", "bound"), ("s", 1), ("d", "call"), ("r", 2), ("c", "bound"), ("e", "call"),
            ]  # fmt: skip

    def test_of_every_combination_are_written_alike(self) -> None:
        layers = [None, {}, {"a": 1, "b": "two"}, {"b": [1], "c": 3}, {"left_out": 1, "masked": "x", "c": "hunter2"}]
        calls = [
            emitting(bound, running, body="b", attributes=given)
            for bound, running, given in itertools.product(layers, layers, layers)
        ]
        for static in ({}, {"b": "static", "masked": 1}):
            assert_same(calls, EncodePlan(redaction=REDACTION, static_attributes=static), size=1 << 18)
            assert_same(calls, EncodePlan(context_vars=False, static_attributes=static), size=1 << 18)

    def test_a_mapping_that_changed_between_calls_is_read_anew(self) -> None:
        bench = Bench(NATIVE)
        given: dict[str, Any] = {"a": 1}
        for number in range(5):
            given["a"] = number
            given[f"k{number}"] = number
            bench.log.emit(body="b", attributes=given)
        assert [dict(record.attributes) for record in bench.records()] == [
            {"a": number, **{f"k{i}": i for i in range(number + 1)}} for number in range(5)
        ]


class TestLimits:
    @pytest.mark.parametrize("count", [39, 40, 41, 47, 48, 49, 127, 128, 129, 300])
    def test_of_attributes_hold_for_both(self, count: int) -> None:
        assert_same([emitting(attributes={f"k{number}": number for number in range(count)})], size=1 << 18)

    @pytest.mark.parametrize("limit", [0, 1, 2, 3])
    def test_count_the_attributes_of_all_layers(self, limit: int) -> None:
        call = emitting({"a": 1, "left_out": 2}, None, attributes={"a": 3, "b": 4})
        assert_same([call], EncodePlan(limits=Limits(attributes=limit), redaction=REDACTION))

    @pytest.mark.parametrize("length", [0, 4, 5, 6])
    def test_of_value_lengths_hold_for_attributes_alone(self, length: int) -> None:
        call = emitting(body="12345", attributes={"k": "12345", "snow": "☃☃☃☃☃"})
        assert_same([call], EncodePlan(limits=Limits(value_length=length)))

    @pytest.mark.parametrize("size", [30, 60, 100, 200])
    def test_of_records_hold_for_both(self, size: int) -> None:
        call = emitting(body="x" * 50, attributes={"k": "y" * 50})
        assert_same([call], EncodePlan(limits=Limits(record_bytes=size)))


class TestRedaction:
    def test_is_the_same_on_both_ways(self) -> None:
        plan = EncodePlan(redaction=REDACTION)
        calls = [
            emitting(body="the password is hunter2", attributes={"k": "HUNTER2 hunter2", "masked": 5, "left_out": 6}),
            emitting(body="plain", attributes={"k": "plain", "masked": [1, 2], "card": "4111 1111 1111 1111"}),
        ]
        for message in assert_same(calls, plan):
            assert b"hunter2" not in message.replace(b"HUNTER2", b"")
            assert b"left_out" not in message


class TestChunks:
    @pytest.mark.parametrize("size", [96, 128, 200, 4096])
    def test_are_filled_to_the_last_byte_and_no_further(self, size: int) -> None:
        calls = [
            emitting(body="x" * (number % 60), attributes={"k" * (1 + number % 31): number}) for number in range(100)
        ]
        assert_same(calls, size=size)

    def test_of_two_loggers_keep_their_scopes_apart(self) -> None:
        bench = Bench(NATIVE)
        other = Bench(NATIVE)
        other.port.core = bench.core
        other.scope = type(other.scope)("other")
        for number in range(9):
            (bench if number % 2 else other).log.info("m", number=number)
        found = bench.records()
        assert [(record.scope.name, record.attributes["number"]) for record in found] == [
            ("bench" if number % 2 else "other", number) for number in range(9)
        ]
