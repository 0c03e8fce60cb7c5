from __future__ import annotations

from typing import Any

import pytest
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from fapilog_otel.provider.sdk_records import ScopeCache, record_value, sdk_fields

RESOURCE, SCOPE = Resource({"k": "v"}), InstrumentationScope("shop", "1")


class TestScopeCache:
    def test_the_same_objects_give_the_same_scope(self) -> None:
        scopes = ScopeCache()
        first = scopes.get(SCOPE, RESOURCE)
        assert scopes.get(SCOPE, RESOURCE) is first
        other = scopes.get(InstrumentationScope("other"), RESOURCE)
        assert other is not first
        assert other.resource is first.resource
        assert (first.origin, first.resource.origin) == (SCOPE, RESOURCE)

    def test_nothing_is_the_empty_scope_of_the_empty_resource(self) -> None:
        scope = ScopeCache().of(object())
        assert (scope.name, dict(scope.resource.attributes)) == ("", {})

    def test_it_does_not_grow_without_bound(self) -> None:
        scopes = ScopeCache()
        kept = [InstrumentationScope(str(number)) for number in range(5_000)]
        for scope in kept:
            assert scopes.get(scope, RESOURCE).name == scope.name
        assert len(scopes._scopes) <= 4_096


class TestSdkFields:
    def test_a_readable_record_and_the_bare_one_inside(self) -> None:
        inner = LogRecord(
            timestamp=1, observed_timestamp=2, trace_id=3, span_id=4, severity_number=SeverityNumber.WARN,
            severity_text="W", body="b", attributes={"a": 1}, event_name="e",
        )  # type: ignore[call-overload]  # fmt: skip
        fields = sdk_fields(ReadableLogRecord(inner, RESOURCE, SCOPE))
        assert fields == (1, 2, 13, "W", "b", {"a": 1}, (3, 4, 0), "e", 0)
        assert sdk_fields(inner) == fields

    def test_an_exception_is_not_read_again(self) -> None:
        inner = LogRecord(body="b", exception=ValueError("x"), attributes={"exception.type": "kept"})
        assert sdk_fields(inner).attributes == {"exception.type": "kept"}

    @pytest.mark.parametrize("odd", [object(), "text", -5, 2**130, float("nan"), None])
    def test_what_no_field_can_hold_counts_as_absent(self, odd: Any) -> None:
        inner: Any = LogRecord(body="b")
        for name in ("timestamp", "observed_timestamp", "severity_number", "trace_id", "span_id", "trace_flags"):
            setattr(inner, name, odd)
        fields = sdk_fields(inner)
        assert (fields.timestamp, fields.severity, fields.ids) == (0, 0, (0, 0, 0))


class TestRecordValue:
    def test_it_is_the_record_with_our_scope(self) -> None:
        record = record_value(
            ReadableLogRecord(LogRecord(body="b", attributes={"a": 1}), RESOURCE, SCOPE), ScopeCache()
        )
        assert record is not None
        assert (record.body, dict(record.attributes), record.scope.name) == ("b", {"a": 1}, "shop")

    def test_what_cannot_be_read_is_none(self) -> None:
        class Unreadable:
            def __getattr__(self, name: str) -> Any:
                raise RuntimeError(name)

        assert record_value(Unreadable(), ScopeCache()) is None
