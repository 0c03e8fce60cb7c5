from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord as PbLogRecord

from fapilog_otel.encode.context import bound_context
from fapilog_otel.encode.plan import EncodePlan, Limits
from fapilog_otel.model.record import Record
from fapilog_otel.pipeline import default_redaction
from tests.unit.encode.encoders import Bench, Twin
from tests.unit.encode.poison import POISONS

PLANS = {
    "bare": EncodePlan(),
    "redacted": EncodePlan(redaction=default_redaction()),
    "limited": EncodePlan(limits=Limits(record_bytes=4096, attributes=3, value_length=50, depth=2, nodes=10)),
    "staged": EncodePlan(stages=(lambda record: record.with_attributes({"staged": True}),)),
}


def check(bench: Bench, count: int) -> list[Record]:
    """Everything arrived, in order, in bytes that opentelemetry-proto reads."""
    records = bench.records()
    assert [record.event_name for record in records] == [str(number) for number in range(count)]
    assert bench.dropped == {}
    assert bench.balanced()
    for chunk in bench.core.sealed:
        for payload, _ in chunk.payloads(0, chunk.count):
            assert PbLogRecord.FromString(bytes(payload)).event_name.isdigit()
    return records


class TestPoison:
    """Every good record of the batch arrives, the bad one sanitised, and the caller never hears of it."""

    def test_there_are_enough_kinds(self) -> None:
        assert len(POISONS) >= 90

    @pytest.mark.parametrize("kind", POISONS)
    def test_anywhere_in_a_record(self, twin: Twin, kind: str) -> None:
        for plan in PLANS.values():
            self.submit_everywhere(Bench(twin, plan, size=1 << 18), POISONS[kind])

    def submit_everywhere(self, bench: Bench, make: Callable[[], Any]) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # some of them are deprecated as well
            bench.submit("good", {"a": 1}, event_name="0")
            bench.submit("bad attribute", {"poison": make(), "b": 2}, event_name="1")
            bench.submit(make(), {"bad body": True}, event_name="2")
            bench.submit("bad inside", {"list": [1, make()], "dict": {"k": make()}}, event_name="3")
            bench.submit({"deep": [{"er": make()}]}, event_name="4")
            bench.submit("bound", bound={"poison": make()}, event_name="5")
            with bound_context(poison=make()):
                bench.submit("in context", event_name="6")
            bench.submit("good", {"a": 1}, event_name="7")
        records = check(bench, 8)
        assert records[0].replace(event_name="") == records[7].replace(event_name="")
        assert (records[1].body, records[0].body) == ("bad attribute", "good")
        assert {"poison", "b"} <= set(records[1].attributes)
        assert records[2].attributes["bad body"] is True

    @pytest.mark.filterwarnings("ignore:NotImplemented should not be used:DeprecationWarning")
    @pytest.mark.parametrize("kind", sorted(POISONS.keys() - {"wide sharing"}))  # its str() alone takes for ever
    def test_in_the_call(self, twin: Twin, kind: str) -> None:
        """Messages, arguments, exc_info and names of attributes."""
        bench = Bench(twin, PLANS["redacted"], size=1 << 18)
        make = POISONS[kind]
        bench.log.info("good")
        bench.log.info(make())
        bench.log.info("%s and %s", make(), 1)
        bench.log.info(make(), "argument")
        bench.log.info("text", exc_info=make())
        bench.log.emit(body="text", attributes=make())
        bench.log.emit(body="text", event_name=make(), severity_text=make())
        bench.log.emit(timestamp=make(), observed_timestamp=make(), severity_number=make(), exception=make())
        bench.log.emit(make())
        bench.log.info("good")
        records = bench.records()
        assert [records[0].body, records[-1].body, len(records)] == ["good", "good", 10]
        assert bench.dropped == {}

    @pytest.mark.parametrize("kind", POISONS)
    @pytest.mark.parametrize("spare", [0, 200])
    def test_as_a_key(self, bench: Bench, kind: str, spare: int) -> None:
        value = POISONS[kind]()
        try:
            attributes: Any = {f"k{number}": number for number in range(spare)} | {value: 1}
        except Exception:  # it has no hash
            attributes = {"value": value}
        bench.submit("good", event_name="0")
        bench.submit("bad key", attributes, event_name="1")
        bench.submit("good", event_name="2")
        check(bench, 3)

    def test_all_at_once(self, twin: Twin) -> None:
        bench = Bench(twin, EncodePlan(limits=Limits(attributes=1000, nodes=100)), size=1 << 20)
        bench.submit("all", {kind: make() for kind, make in POISONS.items()}, event_name="0")
        bench.submit([make() for make in POISONS.values()], event_name="1")
        (all_attributes, all_items) = check(bench, 2)
        assert set(all_attributes.attributes) <= set(POISONS)
        assert all_items.body is not None


class TestBaseExceptions:
    """A real exit may come out of a signal handler while an object is turned into text: it passes."""

    @pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit])
    @pytest.mark.parametrize("place", ["body", "attribute", "key", "argument", "item"])
    def test_pass_through_and_leave_no_trace(self, bench: Bench, error: type[BaseException], place: str) -> None:
        class Stops:
            def __str__(self) -> str:
                raise error

        submit = {
            "body": lambda: bench.log.info(Stops(), a=1),
            "attribute": lambda: bench.log.info("m", a=1, b=Stops(), c=[1]),
            "key": lambda: bench.log.emit(attributes={"a": 1, Stops(): 2}),
            "argument": lambda: bench.log.info("%s", Stops()),
            "item": lambda: bench.log.info("m", a=[{"k": Stops()}]),
        }[place]
        bench.log.info("before")
        for _ in range(3):
            with pytest.raises(error):
                submit()
        bench.log.info("after")
        assert [record.body for record in bench.records()] == ["before", "after"]
        assert bench.submitted == 2
        assert bench.balanced()
