from __future__ import annotations

import pytest

from fapilog_otel.encode.plan import EncodePlan, Limits
from fapilog_otel.encode.values import record_payload
from fapilog_otel.errors import ConfigError
from fapilog_otel.model.record import Record
from fapilog_otel.model.scope import Scope
from fapilog_otel.pipeline.limits import SizeGuard, StringTruncate


class TestStringTruncate:
    def test_cuts_and_marks_long_texts_at_every_depth(self) -> None:
        record = Record(
            body=["abcdef", {"k": "abcdef"}], attributes={"a": "abc", "b": "abcd", "c": b"abcd", "d": 12345}
        )
        cut = StringTruncate(3)(record)
        assert cut.body == ["abc[truncated]", {"k": "abc[truncated]"}]
        assert cut.attributes == {"a": "abc", "b": "abc[truncated]", "c": b"abc", "d": 12345}

    def test_a_text_cut_twice_is_cut_once(self) -> None:
        stage = StringTruncate(20)
        once = stage(Record(body="x" * 100))
        assert stage(once) == once

    @pytest.mark.parametrize("length", [0, -1, 1.5, "long"])
    def test_refuses_a_length_that_is_none(self, length: object) -> None:
        with pytest.raises(ConfigError, match="max_length"):
            StringTruncate(length)  # type: ignore[arg-type]


class TestSizeGuard:
    big = Record(
        severity_number=17,
        trace_id=5,
        span_id=6,
        body="b" * 3000,
        attributes={"exception.stacktrace": "s" * 9000, "n": 1},
    )

    def test_keeps_a_record_within_bounds_itself(self) -> None:
        record = Record(body="small")
        assert SizeGuard(256)(record) is record

    def test_cuts_a_larger_one_as_the_encoder_does(self) -> None:
        scope = Scope("shop")
        cut = SizeGuard(2000)(self.big.replace(scope=scope))
        assert cut is not None
        natively = record_payload(self.big, EncodePlan(limits=Limits(record_bytes=2000)))
        assert record_payload(cut, EncodePlan()) == natively
        assert len(natively) <= 2000
        assert (cut.scope, cut.trace_id, cut.attributes["n"]) == (scope, 5, 1)

    def test_may_drop_instead(self) -> None:
        assert SizeGuard(2000, "drop")(self.big) is None

    @pytest.mark.parametrize("options", [{"max_bytes": 10}, {"action": "warn"}])
    def test_refuses_what_cannot_work(self, options: dict[str, object]) -> None:
        with pytest.raises(ConfigError, match=next(iter(options))):
            SizeGuard(**options)  # type: ignore[arg-type]
