from __future__ import annotations

import dataclasses

import pytest

from fapilog_otel.model.record import Record
from fapilog_otel.model.scope import Scope
from fapilog_otel.model.trace_context import NO_TRACE, TraceContext


class TestRecord:
    def test_is_empty_by_default(self) -> None:
        record = Record()
        assert (record.timestamp, record.severity_number, record.body, record.trace_id) == (0, 0, None, 0)
        assert dict(record.attributes) == {}
        assert record.scope == Scope()

    def test_cannot_be_changed(self) -> None:
        with pytest.raises(dataclasses.FrozenInstanceError):
            Record().body = "x"  # type: ignore[misc]
        with pytest.raises(TypeError):
            Record().attributes["a"] = 1  # type: ignore[index]

    def test_takes_no_positional_arguments(self) -> None:
        with pytest.raises(TypeError):
            Record(1)  # type: ignore[misc]

    def test_replace_gives_a_changed_copy(self) -> None:
        record = Record(body="a", severity_number=9)
        assert record.replace(body="b") == Record(body="b", severity_number=9)
        assert record.body == "a"

    def test_replace_refuses_fields_that_do_not_exist(self) -> None:
        with pytest.raises(TypeError):
            Record().replace(severity="INFO")

    def test_added_attributes_win_and_keep_their_place(self) -> None:
        record = Record(attributes={"a": 1, "b": 2}).with_attributes({"a": 3, "c": 4})
        assert list(record.attributes.items()) == [("a", 3), ("b", 2), ("c", 4)]

    def test_shares_no_attributes_with_its_copies(self) -> None:
        given = {"a": 1}
        record = Record(attributes=given)
        changed = record.with_attributes({"b": 2})
        assert record.attributes == given == {"a": 1}
        assert changed.attributes == {"a": 1, "b": 2}


class TestTraceContext:
    def test_is_absent_by_default(self) -> None:
        assert NO_TRACE == TraceContext(0, 0, 0) == (0, 0, 0)
