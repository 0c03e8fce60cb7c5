from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fapilog_otel.encode import values
from fapilog_otel.encode.plan import DROP, KEEP, MASK, EncodePlan, Limits, Redaction
from fapilog_otel.encode.values import REDACTION_FAILED, safe_mapping, select_attributes, truncated
from fapilog_otel.model.record import Record
from tests.unit.encode.encoders import Bench, Twin


def redacting(verdict: Callable[[str], Any] = lambda path: KEEP, scrub: Any = None, **changes: Any) -> EncodePlan:
    failures: list[Exception] = changes.pop("failures", [])
    redaction = Redaction(verdict, scrub, always=scrub is not None, **changes)
    return EncodePlan(redaction=redaction, on_redaction_error=failures.append)


class TestSelectAttributes:
    def test_keeps_the_first_ones_in_their_order(self) -> None:
        assert list(select_attributes({f"k{n}": n for n in range(10)}, 4)) == ["k0", "k1", "k2", "k3"]

    def test_keeps_the_exception_before_all_others(self) -> None:
        given = {"a": 1, "b": 2, "exception.type": "E", "c": 3, "exception.message": "m"}
        assert list(select_attributes(given, 3)) == ["a", "exception.type", "exception.message"]
        assert list(select_attributes(given, 1)) == ["exception.type"]
        assert select_attributes(given, 0) == {}

    def test_looks_at_no_key_that_is_no_text(self) -> None:
        class Key:
            def __str__(self) -> str:
                raise ValueError("no")

        key = Key()
        assert list(select_attributes({key: 1, 2: 2, "a": 3}, 2)) == [key, 2]  # type: ignore[dict-item]


class TestSafeMapping:
    def test_copies(self) -> None:
        given = {"a": 1}
        assert safe_mapping(given) == given
        assert safe_mapping(given) is not given

    def test_ends_a_mapping_without_end(self) -> None:
        class Endless:
            def keys(self) -> Any:
                return iter(int, 1)

            def __getitem__(self, key: Any) -> Any:
                return key

        assert safe_mapping(Endless()) == {0: 0}

    @pytest.mark.parametrize("given", [5, ["abc"], object, [(1, 2, 3)]], ids=repr)
    def test_what_is_none_leaves_a_note(self, given: object) -> None:
        assert list(safe_mapping(given)) == ["log.record.attributes_error"]


class TestValueLength:
    PLAN = EncodePlan(limits=Limits(value_length=5))

    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            ("abcdefgh", "abcde"), ("äöüäöüä", "äöüäö"), ("😀" * 6, "😀" * 5), ("abcde", "abcde"),
            (b"1234567", b"12345"),
            (["abcdefg", {"k": "1234567", "longkeyname": 1}], ["abcde", {"k": "12345", "longkeyname": 1}]),
            (123456789, 123456789), (2**70, str(2**70)[:5]), (None, None), (1.23456789, 1.23456789),
        ],
    )  # fmt: skip
    def test_cuts_texts_and_bytes_at_every_depth(self, twin: Twin, value: Any, expected: Any) -> None:
        bench = Bench(twin, self.PLAN)
        bench.submit(attributes={"a": value})
        assert bench.record().attributes["a"] == expected

    def test_spares_the_body(self, twin: Twin) -> None:
        bench = Bench(twin, self.PLAN)
        bench.submit("a long body", {"key": "x"})
        assert bench.record().body == "a long body"

    def test_zero_leaves_nothing(self, twin: Twin) -> None:
        bench = Bench(twin, EncodePlan(limits=Limits(value_length=0)))
        bench.submit(attributes={"a": "text", "b": [b"x"]})
        assert dict(bench.record().attributes) == {"a": "", "b": [b""]}

    def test_is_the_pure_function(self) -> None:
        assert truncated({"a": ["xyz", b"xyz", 5, None, True]}, 2) == {"a": ["xy", b"xy", 5, None, True]}


class TestRedaction:
    VERDICTS = {"password": MASK, "secret": DROP, "user.token": MASK, "user.raw": DROP}  # noqa: RUF012 - never changed

    def verdict(self, path: str) -> int:
        return self.VERDICTS.get(path, KEEP)

    def scrub(self, text: str) -> str:
        return text.replace("hunter2", "***") if "hunter2" in text else text

    def record(self, twin: Twin, body: Any, attributes: Any = None, **changes: Any) -> Record:
        bench = Bench(twin, redacting(self.verdict, self.scrub, **changes))
        bench.submit(body, attributes)
        return bench.record()

    def test_masks_drops_and_scrubs(self, twin: Twin) -> None:
        record = self.record(twin, "hunter2!", {"password": [1], "secret": "s", "a": "is hunter2", "n": 1})
        assert (record.body, dict(record.attributes)) == ("***!", {"password": "***", "a": "is ***", "n": 1})
        assert record.dropped_attributes_count == 0

    def test_reaches_into_values_and_bodies(self, twin: Twin) -> None:
        inner = {"token": "t", "raw": "r", "name": "hunter2", "list": [{"token": 1}]}
        record = self.record(twin, {"user": inner}, {"user": inner})
        expected = {"token": "***", "name": "***", "list": [{"token": 1}]}
        assert record.body == {"user": expected}
        assert record.attributes["user"] == expected

    def test_finds_secrets_in_the_text_of_objects(self, twin: Twin) -> None:
        assert (
            self.record(twin, ValueError("hunter2"), {"e": ValueError("hunter2")}).attributes["e"] == "ValueError: ***"
        )

    def test_scrubs_bytes(self, twin: Twin) -> None:
        record = self.record(twin, b"\xffhunter2", {"b": b"hunter2", "c": b"\xff"})
        assert (record.body, record.attributes) == (b"\xff***", {"b": b"***", "c": b"\xff"})

    def test_masks_with_what_it_is_told(self, twin: Twin) -> None:
        assert self.record(twin, None, {"password": 1}, mask="gone").attributes["password"] == "gone"

    def test_a_verdict_that_is_none_masks(self, twin: Twin) -> None:
        bench = Bench(twin, redacting(lambda path: 77))
        bench.submit(attributes={"a": "x"})
        assert bench.record().attributes["a"] == "***"

    def test_asks_once_a_key(self, twin: Twin) -> None:
        asked: list[str] = []
        bench = Bench(twin, redacting(lambda path: bool(asked.append(path))))
        for _ in range(5):
            bench.submit(attributes={"a": 1, "b": 2})
        assert asked == ["a", "b"]

    def test_the_key_cache_keeps_neither_many_nor_long_keys(self, twin: Twin) -> None:
        bench = Bench(twin)
        for number in range(10_000):
            bench.submit(attributes={f"key{number}": number})
        bench.submit(attributes={"k" * 100_000: 1})
        records = bench.records()
        assert all(record.attributes == {f"key{n}": n} for n, record in enumerate(records[:-1]))
        assert list(records[-1].attributes) == ["k" * 100_000]


class TestFailingRedaction:
    """Fails closed: ids, time and severity stay, body and attributes go."""

    def fail(self, *args: Any) -> Any:
        raise ValueError("cannot redact hunter2")

    def record(self, twin: Twin, plan: EncodePlan, body: Any = "hunter2", **attributes: Any) -> Record:
        bench = Bench(twin, plan)
        bench.submit(body, attributes, 17, ids=(1, 2, 1), event_name="e")
        assert bench.dropped == {}
        return bench.record()

    @pytest.mark.parametrize("body", ["hunter2", ["hunter2"], {"k": "hunter2"}, None, 5])
    @pytest.mark.parametrize("way", ["scrub", "verdict", "no text", "odd verdict"])
    def test_keeps_only_what_cannot_hold_a_secret(self, twin: Twin, way: str, body: Any) -> None:
        class Odd:
            def __eq__(self, other: object) -> bool:
                raise ValueError("no")

            __hash__ = object.__hash__

        failures: list[Exception] = []
        plan = {
            "scrub": redacting(scrub=self.fail, failures=failures),
            "verdict": redacting(self.fail, failures=failures),
            "no text": redacting(scrub=lambda text: None, failures=failures),
            "odd verdict": redacting(lambda path: Odd(), failures=failures),
        }[way]
        record = self.record(twin, plan, body, a="hunter2", b=["hunter2"], c={"k": "hunter2"})
        assert "hunter2" not in repr(record)
        assert (record.body, dict(record.attributes)) == (REDACTION_FAILED, {})
        assert (record.severity_number, record.trace_id, record.span_id, record.event_name) == (17, 1, 2, "e")
        assert (record.timestamp, record.observed_timestamp) == (5, 6)
        assert len(failures) == 1

    def test_tells_no_secret_of_the_failure(self, twin: Twin) -> None:
        failures: list[Exception] = []
        self.record(twin, redacting(scrub=self.fail, failures=failures))
        assert "hunter2" not in str(failures[0])
        assert isinstance(failures[0].__cause__, ValueError)

    def test_a_base_exception_passes(self, twin: Twin) -> None:
        def stop(text: str) -> str:
            raise KeyboardInterrupt

        bench = Bench(twin, redacting(scrub=stop))
        with pytest.raises(KeyboardInterrupt):
            bench.submit("text")
        assert bench.submitted == 0

    def test_one_that_works_again_writes_again(self, twin: Twin) -> None:
        broken = True

        def scrub(text: str) -> str:
            if broken:
                raise ValueError
            return text

        bench = Bench(twin, redacting(scrub=scrub))
        bench.submit("first", {"a": "x"})
        broken = False
        bench.submit("second", {"a": "x"})
        assert [record.body for record in bench.records()] == [REDACTION_FAILED, "second"]

    def test_what_hears_of_it_may_fail_too(self, twin: Twin) -> None:
        bench = Bench(twin, EncodePlan(redaction=Redaction(self.fail), on_redaction_error=self.fail))
        bench.submit(attributes={"a": 1})
        assert bench.dropped == {"encode_error": 1}
        assert bench.balanced()


class TestKeys:
    @pytest.mark.parametrize(
        ("key", "written"),
        [
            ("a", "a"),
            ("\ud800", "\ufffd"),
            (5, "5"),
            (None, "None"),
            ((1,), "(1,)"),
            ("k" * 300, "k" * 300),
            ("ü", "ü"),
        ],
    )
    def test_are_written_as_text(self, bench: Bench, key: Any, written: str) -> None:
        for _ in range(2):
            bench.submit(attributes={key: 1, "after": 2})
        assert [dict(record.attributes) for record in bench.records()] == [{written: 1, "after": 2}] * 2

    def test_an_empty_one_is_dropped_and_counted(self, bench: Bench) -> None:
        bench.submit(attributes={"": 1, "a": 2})
        record = bench.record()
        assert (dict(record.attributes), record.dropped_attributes_count) == ({"a": 2}, 1)

    def test_values_share_the_budget_of_a_record(self, twin: Twin) -> None:
        bench = Bench(twin, EncodePlan(limits=Limits(nodes=3)))
        bench.submit([1], {"a": [1], "b": [1, 2], "c": "plain"})
        record = bench.record()
        assert record.body == [1]
        assert dict(record.attributes) == {"a": [1], "b": [1, "[node limit]"], "c": "plain"}


class TestRecordPayload:
    def test_is_that_of_the_emit_path(self, bench: Bench) -> None:
        bench.submit({"k": [1]}, {"a": "x", "b": None}, 9, ids=(1, 2, 3), event_name="e")
        bench.core.seal_open()
        (payload, _), = bench.core.sealed[0].payloads(0, 1)  # fmt: skip
        assert values.record_payload(bench.record(), EncodePlan()) == bytes(payload)
