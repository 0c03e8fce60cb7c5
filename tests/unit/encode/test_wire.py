from __future__ import annotations

import struct
from typing import Any

import pytest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs

from fapilog_otel.encode import _wire
from fapilog_otel.model.scope import Resource, Scope


class TestVarint:
    @pytest.mark.parametrize(
        ("number", "encoded"),
        [
            (0, "00"), (1, "01"), (127, "7f"), (128, "8001"), (300, "ac02"), (16_383, "ff7f"), (16_384, "808001"),
            ((1 << 64) - 1, "ffffffffffffffffff01"),
        ],
    )  # fmt: skip
    def test_has_seven_bits_a_byte(self, number: int, encoded: str) -> None:
        assert _wire.varint(number).hex() == encoded


class TestAnyValue:
    @pytest.mark.parametrize(
        ("value", "field", "read"),
        [
            ("", "string_value", ""), ("é", "string_value", "é"), (True, "bool_value", True),
            (False, "bool_value", False), (0, "int_value", 0), (-1, "int_value", -1),
            (-(1 << 63), "int_value", -(1 << 63)), (1.5, "double_value", 1.5),
            (b"", "bytes_value", b""), (b"\xff", "bytes_value", b"\xff"),
        ],
    )  # fmt: skip
    def test_sets_its_field_even_where_it_is_zero(self, value: Any, field: str, read: Any) -> None:
        message = AnyValue.FromString(_wire.any_value(value))
        assert message.WhichOneof("value") == field
        assert getattr(message, field) == read

    def test_of_none_is_the_empty_message(self) -> None:
        assert _wire.any_value(None) == b""

    def test_of_collections_nests(self) -> None:
        message = AnyValue.FromString(_wire.any_value([1, [], {"k": None, "l": {}}]))
        items = message.array_value.values
        assert [item.WhichOneof("value") for item in items] == ["int_value", "array_value", "kvlist_value"]
        assert [pair.key for pair in items[2].kvlist_value.values] == ["k", "l"]
        assert items[2].kvlist_value.values[0].HasField("value")

    def test_of_nan_keeps_its_bits(self) -> None:
        (bits,) = struct.unpack("<Q", _wire.any_value(float("nan"))[1:])
        assert bits == 0x7FF8000000000000


class TestLogRecord:
    def test_leaves_out_what_is_absent(self) -> None:
        assert _wire.log_record(0, 0, 0, "", None, [], 0, b"", "") == b""

    def test_tells_an_empty_body_from_none(self) -> None:
        message = LogRecord.FromString(_wire.log_record(0, 0, 0, "", _wire.any_value(None), [], 0, b"", ""))
        assert message.HasField("body")
        assert message.body.WhichOneof("value") is None

    def test_writes_in_the_order_of_a_canonical_serialiser(self) -> None:
        pair = _wire.key_value(b"\x32", _wire.key_chunk("k"), _wire.any_value(1))
        trace = _wire.trace_fields((1 << 128) - 1, 1, 255)
        payload = _wire.log_record(5, 6, 24, "T", _wire.any_value("b"), [pair, pair], 300, trace, "e")
        message = LogRecord.FromString(payload)
        assert message.SerializeToString(deterministic=True) == payload
        assert (message.time_unix_nano, message.observed_time_unix_nano, message.severity_number) == (5, 6, 24)
        assert (message.dropped_attributes_count, message.flags, message.event_name) == (300, 255, "e")
        assert (message.trace_id, message.span_id) == (b"\xff" * 16, b"\0" * 7 + b"\1")

    def test_an_empty_key_has_no_key_field(self) -> None:
        message = KeyValue.FromString(_wire.key_value(b"", _wire.key_chunk(""), _wire.any_value(1))[1:])
        assert (message.key, message.value.int_value) == ("", 1)


class TestScopes:
    def test_a_resource_is_encoded_once(self) -> None:
        resource = Resource({"a": 1, "list": ["x"]})
        fields = _wire.resource_fields(resource)
        assert _wire.resource_fields(resource) is fields
        assert [pair.key for pair in ResourceLogs.FromString(fields).resource.attributes] == ["a", "list"]

    def test_a_scope_is_encoded_once(self) -> None:
        scope = Scope("n", "1", attributes={"a": 1})
        fields = _wire.scope_fields(scope)
        assert _wire.scope_fields(scope) is fields
        found: InstrumentationScope = ScopeLogs.FromString(fields).scope
        assert (found.name, found.version, found.attributes[0].key) == ("n", "1", "a")

    def test_an_empty_scope_is_still_there(self) -> None:
        assert ScopeLogs.FromString(_wire.scope_fields(Scope())).HasField("scope")

    def test_an_empty_schema_url_is_absent(self) -> None:
        assert _wire.schema_url_field("") == b""
        assert ScopeLogs.FromString(_wire.schema_url_field("https://x")).schema_url == "https://x"
