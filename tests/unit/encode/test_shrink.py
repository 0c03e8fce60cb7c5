from __future__ import annotations

import random
from typing import Any

import pytest

from fapilog_otel.encode.decode import decode_record
from fapilog_otel.encode.plan import EncodePlan, Limits
from fapilog_otel.encode.shrink import cut_middle, shrink_payload
from fapilog_otel.encode.values import record_payload
from fapilog_otel.model.record import Record
from fapilog_otel.model.scope import Scope

BOUNDLESS = EncodePlan(limits=Limits(record_bytes=1 << 40, attributes=1 << 20, nodes=1 << 20))
SCOPE = Scope()


def shrunk(record: Record, limit: int) -> Record:
    """Shrink, check the bound, and decode."""
    payload = shrink_payload(record_payload(record, BOUNDLESS), limit)
    assert len(payload) <= limit
    return decode_record(payload, SCOPE)


class TestCutMiddle:
    def test_keeps_beginning_and_end(self) -> None:
        text = cut_middle("a" * 500 + "b" * 500, 100)
        assert text.startswith("aaaa")
        assert text.endswith("bbbb")
        assert len(text.encode()) <= 100

    @pytest.mark.parametrize("letter", ["a", "é", "€", "😀"])
    @pytest.mark.parametrize("size", [0, 10, 39, 40, 41, 42, 43, 100, 101, 102, 103])
    def test_never_cuts_a_character_in_two(self, letter: str, size: int) -> None:
        text = cut_middle(letter * 1000, size)
        assert len(text.encode()) <= max(size, 40)
        assert set(text) <= set(letter + "\n[... bytescut 0123456789]")

    @pytest.mark.parametrize("text", ["x" * 1000, "é" * 1000, "a😀" * 300])
    @pytest.mark.parametrize("size", [50, 77, 100, 500])
    def test_says_how_many_bytes_are_missing(self, text: str, size: int) -> None:
        found = cut_middle(text, size)
        head, _, rest = found.partition("\n[... ")
        number, _, tail = rest.partition(" bytes cut ...]\n")
        assert len((head + tail).encode()) + int(number) == len(text.encode())
        assert text.startswith(head)
        assert text.endswith(tail)


class TestShrinking:
    def test_cuts_a_long_body(self) -> None:
        record = shrunk(Record(body="a" * 5000 + "z" * 5000, attributes={"n": 1, "t": "kept"}), 2000)
        assert str(record.body).startswith("aaa")
        assert str(record.body).endswith("zzz")
        assert "bytes cut" in str(record.body)
        assert dict(record.attributes) == {"n": 1, "t": "kept"}
        assert record.dropped_attributes_count == 0

    def test_uses_the_room_there_is(self) -> None:
        assert len(str(shrunk(Record(body="a" * 100_000), 10_000).body)) > 9_800

    def test_cuts_a_stack_trace_in_the_middle_before_a_longer_body(self) -> None:
        trace = "first line\n" + "frame\n" * 1000 + "ValueError: last line"
        record = shrunk(Record(body="b" * 7000, attributes={"exception.stacktrace": trace}), 10_000)
        assert record.body == "b" * 7000
        found = str(record.attributes["exception.stacktrace"])
        assert found.startswith("first line")
        assert found.endswith("last line")
        assert "bytes cut" in found

    def test_spares_a_stack_trace_that_would_not_make_enough_room(self) -> None:
        trace = "trace\n" * 100
        record = shrunk(Record(body="b" * 100_000, attributes={"exception.stacktrace": trace}), 10_000)
        assert record.attributes["exception.stacktrace"] == trace

    def test_cuts_the_largest_and_leaves_the_small(self) -> None:
        attributes = {"small": "s" * 200, "large": "l" * 20_000, "middle": "m" * 3000}
        record = shrunk(Record(body="b" * 3000, attributes=attributes), 10_000)
        assert record.attributes["small"] == "s" * 200
        assert record.attributes["middle"] == "m" * 3000
        assert record.body == "b" * 3000

    @pytest.mark.parametrize("value", [["x" * 9000], {"k": "x" * 9000}, b"x" * 9000])
    def test_replaces_what_is_no_text_by_a_note(self, value: Any) -> None:
        record = shrunk(Record(body=value, attributes={"a": value, "n": 1}), 1000)
        assert str(record.body).endswith("bytes cut]")
        assert str(record.attributes["a"]).endswith("bytes cut]")
        assert record.attributes["n"] == 1

    def test_keeps_everything_else(self) -> None:
        given = Record(
            timestamp=1, observed_timestamp=2, severity_number=17, severity_text="ERROR", body="x" * 9000,
            dropped_attributes_count=4, trace_id=5, span_id=6, trace_flags=1, event_name="e",
        )  # fmt: skip
        assert shrunk(given, 1000).replace(body=None) == given.replace(body=None, scope=SCOPE)

    def test_drops_the_largest_of_many_attributes_and_counts_them(self) -> None:
        attributes = {f"key{number:03}": "v" * (number % 50) for number in range(300)}
        record = shrunk(Record(body="b", attributes=attributes), 4000)
        assert record.dropped_attributes_count == 300 - len(record.attributes) > 0
        kept = max(len(str(value)) for value in record.attributes.values())
        dropped = [len(value) for key, value in attributes.items() if key not in record.attributes]
        assert min(dropped) >= kept

    def test_drops_the_exception_last(self) -> None:
        attributes: dict[str, Any] = {f"key{number}": "v" * 100 for number in range(50)}
        attributes |= {"exception.type": "E" * 150, "exception.message": "m" * 150}
        record = shrunk(Record(attributes=attributes), 600)
        assert {"exception.type", "exception.message"} <= set(record.attributes)

    def test_a_huge_key_goes(self) -> None:
        record = shrunk(Record(body="kept", attributes={"k" * 50_000: 1, "a": 2}), 1000)
        assert (record.body, dict(record.attributes), record.dropped_attributes_count) == ("kept", {"a": 2}, 1)

    @pytest.mark.parametrize("letter", ["x", "é", "😀"])
    def test_huge_names_are_cut_and_cost_no_attribute(self, letter: str) -> None:
        given = Record(severity_text=letter * 5000, event_name=letter * 5000, attributes={"a": 1}, body="kept")
        record = shrunk(given, 1000)
        assert (record.body, dict(record.attributes)) == ("kept", {"a": 1})
        assert 0 < len(record.severity_text.encode()) <= 125
        assert 0 < len(record.event_name.encode()) <= 125

    @pytest.mark.parametrize("limit", [128, 200, 300, 512, 1000, 5000])
    def test_fits_whatever_it_is(self, limit: int) -> None:
        rng = random.Random(limit)
        for _ in range(60):
            text = "".join(rng.choices("aé€😀\n", k=rng.randrange(1, 400)))
            attributes: dict[str, Any] = {
                text[:40] + str(number): rng.choice([text * 3, text.encode(), [text], {text: number}, number, None])
                for number in range(rng.randrange(30))
            }
            record = Record(
                timestamp=1 << 60, observed_timestamp=1 << 60, severity_number=9, severity_text=text, trace_id=1 << 127,
                span_id=1, trace_flags=1, body=rng.choice([text * 20, [text], 5, None]), attributes=attributes,
                event_name=text, dropped_attributes_count=rng.choice([0, 5, 1 << 31]),
            )  # fmt: skip
            found = shrunk(record, limit)
            gone = len(attributes) - len(found.attributes)
            assert found.dropped_attributes_count == record.dropped_attributes_count + gone

    def test_a_limit_of_nothing_still_gives_a_record(self) -> None:
        payload = shrink_payload(record_payload(Record(timestamp=5, body="x" * 1000, trace_id=1), BOUNDLESS), 1)
        assert decode_record(payload, SCOPE).trace_id == 1
        assert len(payload) < 100
