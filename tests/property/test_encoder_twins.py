"""The two encoders write the same bytes, and opentelemetry-proto reads back what went in."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue as PbAnyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord as PbLogRecord

from fapilog_otel.encode import _native as native
from fapilog_otel.encode import emit
from fapilog_otel.encode.plan import EncodePlan
from fapilog_otel.model.anyvalue import normalise, normalise_key
from fapilog_otel.model.chunk import Chunk
from fapilog_otel.model.scope import Scope
from tests.property.hosts import new_core, sealed_payloads
from tests.property.records import PLANS, RECORDS, Generated

SCOPE = Scope("twins")
SLOW = settings(max_examples=1000, deadline=None, suppress_health_check=list(HealthCheck))


def submit(core: Any, record: Generated) -> None:
    core.submit(SCOPE, *record[:7], record.ids, None, record.event_name)


def python_value(message: PbAnyValue) -> Any:
    kind = message.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return [python_value(item) for item in message.array_value.values]
    if kind == "kvlist_value":
        return {pair.key: python_value(pair.value) for pair in message.kvlist_value.values}
    return getattr(message, kind)


def same(left: Any, right: Any) -> bool:
    if isinstance(left, float) and isinstance(right, float) and math.isnan(left) and math.isnan(right):
        return True
    if isinstance(left, dict) and isinstance(right, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return type(left) is type(right) and left == right


class TestTwins:
    @pytest.mark.timeout(900)  # half a minute, and many times that under coverage
    @SLOW
    @given(plan=PLANS, records=st.lists(RECORDS, min_size=10, max_size=14))
    def test_they_write_the_same_bytes_under_every_plan(self, plan: EncodePlan, records: list[Generated]) -> None:
        ours = new_core(native.EmitCore, native.Chunk, plan)
        reference = new_core(emit.EmitCore, Chunk, plan)
        for record in records:
            submit(ours, record)
            submit(reference, record)
        assert ours.dropped_counts() == reference.dropped_counts() == {}
        assert sealed_payloads(ours) == sealed_payloads(reference)
        assert ours.submitted_counts() == reference.submitted_counts()

    @settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
    @given(record=RECORDS)
    def test_the_protobuf_library_reads_back_what_went_in(self, record: Generated) -> None:
        core = new_core(native.EmitCore, native.Chunk)
        submit(core, record)
        (payload,) = sealed_payloads(core)
        message = PbLogRecord.FromString(payload)
        assert message.time_unix_nano == record.timestamp
        assert message.observed_time_unix_nano == record.observed
        assert message.severity_number == record.severity
        assert int.from_bytes(message.trace_id, "big") == record.ids[0]
        assert int.from_bytes(message.span_id, "big") == record.ids[1]
        assert message.flags == record.ids[2]
        assert same(python_value(message.body), normalise(record.body))
        expected: dict[Any, Any] = {**(record.bound or {}), **(record.attributes or {})}
        wanted = [(normalise_key(key), normalise(value)) for key, value in expected.items() if normalise_key(key)]
        found = [(pair.key, python_value(pair.value)) for pair in message.attributes]
        assert [key for key, _ in found] == [key for key, _ in wanted]
        assert all(same(left, right) for (_, left), (_, right) in zip(found, wanted, strict=True))

    @settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
    @given(record=RECORDS)
    def test_the_bytes_are_those_of_a_canonical_serialiser(self, record: Generated) -> None:
        core = new_core(native.EmitCore, native.Chunk)
        submit(core, record)
        (payload,) = sealed_payloads(core)
        assert PbLogRecord.FromString(payload).SerializeToString(deterministic=True) == payload
