from __future__ import annotations

import math

import pytest
from google.protobuf.message import DecodeError
from hypothesis import example, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.resource.v1.resource_pb2 import Resource as PbResource

from fapilog_otel.encode.decode import MAX_DEPTH, decode_record, decode_request
from fapilog_otel.model.record import Record
from fapilog_otel.model.scope import Scope

SCOPE = Scope("shop.cart")

TEXT = st.text(max_size=20)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    TEXT,
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.binary(max_size=20),
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=12
)
ATTRIBUTES = st.dictionaries(TEXT, VALUES, max_size=5)


def pb_value(value) -> AnyValue:
    message = AnyValue()
    if value is None:
        return message
    if isinstance(value, bool):
        message.bool_value = value
    elif isinstance(value, str):
        message.string_value = value
    elif isinstance(value, int):
        message.int_value = value
    elif isinstance(value, float):
        message.double_value = value
    elif isinstance(value, bytes):
        message.bytes_value = value
    elif isinstance(value, dict):
        message.kvlist_value.SetInParent()
        message.kvlist_value.values.extend(pb_attributes(value))
    else:
        message.array_value.SetInParent()
        message.array_value.values.extend(pb_value(item) for item in value)
    return message


def pb_attributes(attributes) -> list[KeyValue]:
    return [KeyValue(key=key, value=pb_value(value)) for key, value in attributes.items()]


def pb_record(record: Record) -> LogRecord:
    message = LogRecord(
        time_unix_nano=record.timestamp,
        observed_time_unix_nano=record.observed_timestamp,
        severity_number=record.severity_number,  # type: ignore[arg-type]
        severity_text=record.severity_text,
        attributes=pb_attributes(record.attributes),
        dropped_attributes_count=record.dropped_attributes_count,
        flags=record.trace_flags,
        trace_id=record.trace_id.to_bytes(16, "big") if record.trace_id else b"",
        span_id=record.span_id.to_bytes(8, "big") if record.span_id else b"",
        event_name=record.event_name,
    )
    if record.body is not None:
        message.body.CopyFrom(pb_value(record.body))
    return message


RECORDS = st.builds(
    Record,
    timestamp=st.integers(0, 2**64 - 1),
    observed_timestamp=st.integers(0, 2**64 - 1),
    severity_number=st.integers(0, 24),
    severity_text=TEXT,
    body=VALUES,
    attributes=ATTRIBUTES,
    dropped_attributes_count=st.integers(0, 2**32 - 1),
    trace_id=st.integers(0, 2**128 - 1),
    span_id=st.integers(0, 2**64 - 1),
    trace_flags=st.integers(0, 255),
    event_name=TEXT,
    scope=st.just(SCOPE),
)


def nested(levels: int) -> bytes:
    """Give a LogRecord whose body is a list in a list, built by hand: protobuf's own classes refuse this depth."""
    value = b"\x18\x01"
    for _ in range(levels):
        item = b"\x0a" + varint(len(value)) + value
        value = b"\x2a" + varint(len(item)) + item
    return b"\x2a" + varint(len(value)) + value


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def decoded_or_refused(decode):
    """Give what is decoded, or nothing when it is refused with our own words; anything else is raised."""
    try:
        return decode()
    except ValueError as error:
        if "OTLP message" not in str(error):
            raise
        return []


class TestDecodeRecord:
    @given(RECORDS)
    def test_what_protobuf_wrote_is_read_back(self, record):
        assert decode_record(pb_record(record).SerializeToString(), SCOPE) == record

    def test_an_empty_message_is_an_empty_record(self):
        assert decode_record(b"", SCOPE) == Record(scope=SCOPE)

    def test_the_scope_is_kept_by_identity(self):
        assert decode_record(b"", SCOPE).scope is SCOPE

    def test_a_memoryview_is_taken(self):
        payload = memoryview(b"__" + LogRecord(severity_text="WARN").SerializeToString())[2:]
        assert decode_record(payload, SCOPE).severity_text == "WARN"

    def test_nan_stays_nan(self):
        record = decode_record(LogRecord(body=AnyValue(double_value=math.nan)).SerializeToString(), SCOPE)
        assert isinstance(record.body, float)
        assert math.isnan(record.body)

    def test_true_and_one_stay_apart(self):
        message = LogRecord(attributes=pb_attributes({"yes": True, "one": 1, "float": 1.0}))
        attributes = decode_record(message.SerializeToString(), SCOPE).attributes
        assert [type(value) for value in attributes.values()] == [bool, int, float]

    def test_none_survives_in_attributes_lists_and_maps(self):
        tree = {"none": None, "list": [None, 1], "map": {"none": None}}
        assert decode_record(LogRecord(attributes=pb_attributes(tree)).SerializeToString(), SCOPE).attributes == tree

    def test_a_key_without_a_value_is_none(self):
        message = LogRecord(attributes=[KeyValue(key="bare")])
        assert decode_record(message.SerializeToString(), SCOPE).attributes == {"bare": None}

    def test_the_last_of_equal_keys_wins(self):
        message = LogRecord(attributes=[*pb_attributes({"k": 1}), *pb_attributes({"k": 2})])
        assert decode_record(message.SerializeToString(), SCOPE).attributes == {"k": 2}

    def test_the_reserved_bits_above_the_trace_flags_are_ignored(self):
        assert decode_record(LogRecord(flags=0xFFFF_FF01).SerializeToString(), SCOPE).trace_flags == 1

    @pytest.mark.parametrize("size", [1, 7, 9, 15, 17])
    def test_ids_of_the_wrong_size_are_absent(self, size):
        message = LogRecord(trace_id=b"\x01" * size, span_id=b"\x01" * size)
        record = decode_record(message.SerializeToString(), SCOPE)
        assert (record.trace_id, record.span_id) == (0, 0)

    def test_a_negative_enum_is_read_as_protobuf_reads_it(self):
        payload = b"\x10" + b"\xff" * 9 + b"\x01"
        assert decode_record(payload, SCOPE).severity_number == LogRecord.FromString(payload).severity_number == -1

    def test_bytes_that_are_no_utf8_do_not_lose_the_record(self):
        record = decode_record(b"\x1a\x03a\xffb" + b"\x10\x09", SCOPE)
        assert (record.severity_text, record.severity_number) == ("a\ufffdb", 9)

    @pytest.mark.parametrize(
        "unknown",
        [
            b"\xa0\x06\x01",  # field 100, varint
            b"\xa1\x06" + bytes(8),  # fixed64
            b"\xa2\x06\x03abc",  # length-delimited
            b"\xa5\x06" + bytes(4),  # fixed32
            b"\xa3\x06\x08\x01\x0b\x0c\x12\x01x\x1d\0\0\0\0\x21\0\0\0\0\0\0\0\0\xa4\x06",  # a group with a group in it
            b"\x0a\x01x",  # field 1 with the wrong wire type
        ],
        ids=["varint", "fixed64", "length", "fixed32", "group", "foreign wire type"],
    )
    def test_unknown_fields_are_skipped(self, unknown):
        payload = unknown + LogRecord(severity_text="INFO").SerializeToString() + unknown
        assert LogRecord.FromString(payload).severity_text == "INFO"
        assert decode_record(payload, SCOPE).severity_text == "INFO"

    @pytest.mark.parametrize("levels", [1, MAX_DEPTH])
    def test_values_nested_up_to_the_bound_are_read(self, levels):
        value = decode_record(nested(levels), SCOPE).body
        for _ in range(levels):
            assert isinstance(value, list)
            (value,) = value
        assert value == 1

    @pytest.mark.parametrize("levels", [MAX_DEPTH + 1, 5000])
    def test_values_nested_deeper_are_refused(self, levels):
        with pytest.raises(ValueError, match="nested deeper than 64"):
            decode_record(nested(levels), SCOPE)


class TestMalformedInput:
    FULL = pb_record(
        Record(
            timestamp=1,
            severity_number=9,
            body={"a": ["b", 2.5]},
            attributes={"order": "o-1", "none": None},
            trace_id=1,
            span_id=2,
        )
    ).SerializeToString()

    @pytest.mark.parametrize("cut", range(len(FULL)))
    def test_a_cut_anywhere_is_an_error_or_a_shorter_message_just_as_for_protobuf(self, cut):
        payload = self.FULL[:cut]
        try:
            LogRecord.FromString(payload)
        except DecodeError:
            with pytest.raises(ValueError, match="truncated OTLP message"):
                decode_record(payload, SCOPE)
        else:
            decode_record(payload, SCOPE)

    @pytest.mark.parametrize(
        ("payload", "text"),
        [
            (b"\x1a\x05ab", "truncated OTLP message: field at byte 2 ends at 7 of 4"),
            (b"\x10", "truncated OTLP message: varint cut off"),
            (b"\x10" + b"\x80" * 11, "varint longer than ten bytes"),
            (b"\x00\x01", "field number 0"),
            (b"\x16\x01", "wire type 6"),
            (b"\x14", "wire type 4"),
            (b"\xa3\x06\x08\x01", "truncated"),
        ],
    )
    def test_the_error_says_what_is_wrong(self, payload, text):
        with pytest.raises(ValueError, match=text):
            decode_record(payload, SCOPE)

    @given(st.binary(max_size=200))
    @example(b"\x0a\x02\x12\x00")
    @example(b"\xa3\x06\x0a\xff\xff\xff\xff\x0f")
    @settings(max_examples=400)
    def test_random_bytes_never_raise_anything_but_a_value_error(self, data):
        records = decoded_or_refused(lambda: decode_request(data))
        assert all(isinstance(record, Record) for record in records)

    @given(RECORDS, st.integers(0, 10_000), st.integers(0, 255))
    def test_one_changed_byte_never_raises_anything_but_a_value_error(self, record, position, byte):
        payload = bytearray(pb_record(record).SerializeToString() or b"\0")
        payload[position % len(payload)] = byte
        decoded_or_refused(lambda: [decode_record(bytes(payload), SCOPE)])


class TestDecodeRequest:
    def test_resource_scope_and_records_are_read_in_order(self):
        request = ExportLogsServiceRequest(
            resource_logs=[
                ResourceLogs(
                    resource=PbResource(attributes=pb_attributes({"service.name": "shop", "n": [1, None]})),
                    schema_url="https://example.org/resource",
                    scope_logs=[
                        ScopeLogs(
                            scope=InstrumentationScope(name="cart", version="2", attributes=pb_attributes({"a": b"x"})),
                            schema_url="https://example.org/scope",
                            log_records=[LogRecord(severity_text="one"), LogRecord(severity_text="two")],
                        ),
                        ScopeLogs(
                            scope=InstrumentationScope(name="pay"), log_records=[LogRecord(severity_text="three")]
                        ),
                    ],
                ),
                ResourceLogs(scope_logs=[ScopeLogs(log_records=[LogRecord(severity_text="four")])]),
            ]
        )
        one, two, three, four = decode_request(memoryview(request.SerializeToString()))
        assert [record.severity_text for record in (one, two, three, four)] == ["one", "two", "three", "four"]
        assert one.scope is two.scope
        assert one.scope.resource is three.scope.resource
        assert (one.scope.name, one.scope.version, one.scope.attributes) == ("cart", "2", {"a": b"x"})
        assert one.scope.schema_url == "https://example.org/scope"
        assert one.scope.resource.attributes == {"service.name": "shop", "n": [1, None]}
        assert one.scope.resource.schema_url == "https://example.org/resource"
        assert three.scope.name == "pay"
        assert four.scope == Scope()

    def test_fields_may_come_in_any_order(self):
        record = b"\x12\x02\x10\x09"
        scope = b"\x0a\x03\x0a\x01s"
        scope_logs = record + scope
        body = b"\x12" + varint(len(scope_logs)) + scope_logs + b"\x1a\x03url" + b"\x0a\x00"
        request = b"\x0a" + varint(len(body)) + body
        assert ExportLogsServiceRequest.FromString(request).resource_logs[0].scope_logs[0].scope.name == "s"
        (decoded,) = decode_request(request)
        assert (decoded.severity_number, decoded.scope.name, decoded.scope.resource.schema_url) == (9, "s", "url")

    @pytest.mark.parametrize("data", [b"", b"\x0a\x00", b"\x0a\x02\x12\x00"], ids=["nothing", "resource", "scope"])
    def test_an_empty_envelope_has_no_records(self, data):
        assert decode_request(data) == []
