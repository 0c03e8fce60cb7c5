from __future__ import annotations

import base64
import json
import math

import pytest
from google.protobuf import json_format
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from fapilog_otel.encode.decode import decode_request
from fapilog_otel.encode.json import MAX_DEPTH, decode_json_request, encode_json_request
from fapilog_otel.model.record import Record
from fapilog_otel.model.scope import Resource, Scope

SHOP = Resource({"service.name": "shop"}, "https://example.org/resource")
CART = Scope("shop.cart", "1.2.0", "https://example.org/scope", {"scope.key": "scope value"}, resource=SHOP)

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
ATTRIBUTES = st.dictionaries(TEXT, VALUES, max_size=4)
RESOURCES = st.builds(Resource, ATTRIBUTES, TEXT)
SCOPES = st.builds(Scope, TEXT, TEXT, TEXT, ATTRIBUTES, resource=RESOURCES)
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
    scope=SCOPES,
)


def protobuf_of(data: bytes) -> bytes:
    """Give what protobuf's own JSON mapping reads, once the ids are in base64, as it and not OTLP wants them."""

    def fix(item):
        for key in ("traceId", "spanId"):
            if key in item:
                item[key] = base64.b64encode(bytes.fromhex(item[key])).decode()
        return item

    tree = json.loads(data, object_hook=fix)
    return json_format.ParseDict(tree, ExportLogsServiceRequest()).SerializeToString()


def only_record(data: bytes) -> dict:
    ((record,),) = [
        scope_logs["logRecords"]
        for resource_logs in json.loads(data)["resourceLogs"]
        for scope_logs in resource_logs["scopeLogs"]
    ]
    return record


def request_of(record: object) -> bytes:
    return json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}).encode()


def decoded(record: object) -> Record:
    (out,) = decode_json_request(request_of(record))
    return out


class TestEncode:
    @given(st.lists(RECORDS, min_size=1, max_size=3))
    @settings(max_examples=60)
    def test_protobufs_own_mapping_reads_the_same_records(self, records):
        expected = decode_json_request(encode_json_request(records))
        assert decode_request(protobuf_of(encode_json_request(records))) == expected

    @given(RECORDS)
    def test_one_record_survives_protobuf_unchanged(self, record):
        assert decode_request(protobuf_of(encode_json_request([record]))) == [record]

    def test_a_log_is_written_in_the_shape_of_the_specification(self):
        record = Record(
            timestamp=1_700_000_000_123_456_789,
            observed_timestamp=1_700_000_000_123_456_790,
            severity_number=10,
            severity_text="Notice",
            body="payment taken",
            attributes={
                "string": "some text",
                "boolean": True,
                "int": 10,
                "double": 637.704,
                "array": ["many", "values"],
                "map": {"inner.key": "some value"},
                "bytes": b"\x00\xff",
                "nothing": None,
            },
            trace_id=0x5B8EFFF798038103D269B633813FC60C,
            span_id=0xEEE19B7EC3C1B174,
            trace_flags=1,
            dropped_attributes_count=2,
            scope=CART,
        )
        assert json.loads(encode_json_request([record])) == {
            "resourceLogs": [
                {
                    "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]},
                    "schemaUrl": "https://example.org/resource",
                    "scopeLogs": [
                        {
                            "scope": {
                                "name": "shop.cart",
                                "version": "1.2.0",
                                "attributes": [{"key": "scope.key", "value": {"stringValue": "scope value"}}],
                            },
                            "schemaUrl": "https://example.org/scope",
                            "logRecords": [
                                {
                                    "timeUnixNano": "1700000000123456789",
                                    "observedTimeUnixNano": "1700000000123456790",
                                    "severityNumber": 10,
                                    "severityText": "Notice",
                                    "body": {"stringValue": "payment taken"},
                                    "attributes": [
                                        {"key": "string", "value": {"stringValue": "some text"}},
                                        {"key": "boolean", "value": {"boolValue": True}},
                                        {"key": "int", "value": {"intValue": "10"}},
                                        {"key": "double", "value": {"doubleValue": 637.704}},
                                        {
                                            "key": "array",
                                            "value": {
                                                "arrayValue": {
                                                    "values": [{"stringValue": "many"}, {"stringValue": "values"}]
                                                }
                                            },
                                        },
                                        {
                                            "key": "map",
                                            "value": {
                                                "kvlistValue": {
                                                    "values": [
                                                        {"key": "inner.key", "value": {"stringValue": "some value"}}
                                                    ]
                                                }
                                            },
                                        },
                                        {"key": "bytes", "value": {"bytesValue": "AP8="}},
                                        {"key": "nothing", "value": {}},
                                    ],
                                    "droppedAttributesCount": 2,
                                    "flags": 1,
                                    "traceId": "5b8efff798038103d269b633813fc60c",
                                    "spanId": "eee19b7ec3c1b174",
                                }
                            ],
                        }
                    ],
                }
            ]
        }

    def test_an_event_with_a_structured_body_is_written_in_the_shape_of_the_specification(self):
        record = Record(
            timestamp=1_700_000_000_000_000_000,
            observed_timestamp=1_700_000_000_000_000_000,
            severity_number=9,
            severity_text="page view",
            event_name="shop.page_view",
            body={"kind": 0, "url": "https://example.org/basket"},
            attributes={"event.attribute": "an event attribute"},
        )
        assert only_record(encode_json_request([record])) == {
            "timeUnixNano": "1700000000000000000",
            "observedTimeUnixNano": "1700000000000000000",
            "severityNumber": 9,
            "severityText": "page view",
            "eventName": "shop.page_view",
            "body": {
                "kvlistValue": {
                    "values": [
                        {"key": "kind", "value": {"intValue": "0"}},
                        {"key": "url", "value": {"stringValue": "https://example.org/basket"}},
                    ]
                }
            },
            "attributes": [{"key": "event.attribute", "value": {"stringValue": "an event attribute"}}],
        }

    def test_records_are_grouped_by_resource_and_scope_in_the_order_first_seen(self):
        other = Scope("shop.pay", resource=SHOP)
        foreign = Scope("shop.cart", resource=Resource({"service.name": "bank"}))
        records = [Record(body=str(n), scope=scope) for n, scope in enumerate([CART, foreign, other, CART, foreign])]
        tree = json.loads(encode_json_request(records))
        shape = [
            [[record["body"]["stringValue"] for record in logs["logRecords"]] for logs in entry["scopeLogs"]]
            for entry in tree["resourceLogs"]
        ]
        assert shape == [[["0", "3"], ["2"]], [["1", "4"]]]

    def test_scopes_and_resources_that_read_the_same_are_one(self):
        twins = [Scope("s", resource=Resource({"k": 1})) for _ in range(2)]
        tree = json.loads(encode_json_request(Record(scope=scope) for scope in twins))
        assert len(tree["resourceLogs"]) == len(tree["resourceLogs"][0]["scopeLogs"]) == 1

    def test_resources_that_differ_only_in_true_and_one_stay_apart(self):
        scopes = [Scope(resource=Resource({"k": value})) for value in (True, 1, 1.0)]
        assert len(json.loads(encode_json_request(Record(scope=scope) for scope in scopes))["resourceLogs"]) == 3

    def test_records_from_a_generator_keep_their_own_scopes(self):
        records = (Record(body=n, scope=Scope(f"s{n}")) for n in range(50))
        names = [record.scope.name for record in decode_json_request(encode_json_request(records))]
        assert names == [f"s{n}" for n in range(50)]

    @pytest.mark.parametrize(("value", "text"), [(math.nan, "NaN"), (math.inf, "Infinity"), (-math.inf, "-Infinity")])
    def test_doubles_without_a_json_form_are_text(self, value, text):
        data = encode_json_request([Record(body=value, attributes={"k": value})])
        assert only_record(data)["body"] == {"doubleValue": text}
        protobuf_of(data)

    def test_fields_without_a_value_are_left_out(self):
        assert only_record(encode_json_request([Record()])) == {}

    def test_a_request_is_one_line_whatever_the_texts_hold(self):
        data = encode_json_request([Record(body="a\nb\r\u2028c", attributes={"k\n": "\n"})])
        assert b"\n" not in data
        assert b"\r" not in data

    def test_text_is_utf8(self):
        assert "Bücher €".encode() in encode_json_request([Record(body="Bücher €")])

    def test_a_hand_built_record_with_odd_values_is_still_valid_json(self):
        record = Record(body="\ud800", attributes={"set": {1}, "tuple": (1, 2)})  # type: ignore[dict-item]
        out = decode_json_request(encode_json_request([record]))[0]
        assert out.body == "\ufffd"
        assert out.attributes == {"set": [1], "tuple": [1, 2]}

    def test_an_empty_envelope_is_refused(self):
        with pytest.raises(ValueError, match="empty envelope"):
            encode_json_request([])


class TestDecode:
    @given(RECORDS)
    def test_what_was_written_is_read_back(self, record):
        assert decode_json_request(encode_json_request([record])) == [record]

    @given(RECORDS)
    @settings(max_examples=50)
    def test_what_protobuf_writes_is_read(self, record):
        message = ExportLogsServiceRequest.FromString(protobuf_of(encode_json_request([record])))
        tree = json_format.MessageToDict(message)
        log = tree["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]
        for key in ("traceId", "spanId"):
            if key in log:
                log[key] = base64.b64decode(log[key]).hex().upper()
        names = {"severityNumber": record.severity_number} if record.severity_number else {}
        log.update(names)  # protobuf writes the enum's name, OTLP its number
        assert decode_json_request(json.dumps(tree)) == [record]

    def test_nan_and_the_infinities_come_back(self):
        record = Record(attributes={"nan": math.nan, "inf": math.inf, "minus": -math.inf})
        (out,) = decode_json_request(encode_json_request([record]))
        assert math.isnan(out.attributes["nan"])  # type: ignore[arg-type]
        assert (out.attributes["inf"], out.attributes["minus"]) == (math.inf, -math.inf)

    def test_unknown_fields_are_ignored_everywhere(self):
        unknown = {"future": {"x": [1]}}
        tree = {
            **unknown,
            "resourceLogs": [
                {
                    **unknown,
                    "resource": {**unknown, "entityRefs": []},
                    "scopeLogs": [
                        {
                            **unknown,
                            "scope": {**unknown, "name": "s"},
                            "logRecords": [
                                {
                                    **unknown,
                                    "severity_text": "the snake_case name is not OTLP/JSON",
                                    "body": {**unknown, "stringValue": "b"},
                                    "attributes": [{**unknown, "key": "k", "value": {"future": 1}}],
                                }
                            ],
                        }
                    ],
                }
            ],
        }
        (record,) = decode_json_request(json.dumps(tree))
        assert record == Record(body="b", attributes={"k": None}, scope=Scope("s"))

    @pytest.mark.parametrize("value", ["17", 17, 17.0])
    def test_integers_are_taken_as_numbers_or_text(self, value):
        record = decoded(
            {
                "timeUnixNano": value,
                "severityNumber": value,
                "flags": value,
                "droppedAttributesCount": value,
                "body": {"intValue": value},
            }
        )
        assert record == Record(timestamp=17, severity_number=17, trace_flags=17, dropped_attributes_count=17, body=17)

    def test_hex_ids_are_taken_in_both_cases(self):
        record = decoded({"traceId": "5B8EFFF798038103D269B633813FC60C", "spanId": "eee19b7ec3c1b174"})
        assert (record.trace_id, record.span_id) == (0x5B8EFFF798038103D269B633813FC60C, 0xEEE19B7EC3C1B174)

    @pytest.mark.parametrize("text", ["", "12", "zz" * 16, "5b8efff798038103d269b633813fc60c00", "+" * 32, "1_" * 16])
    def test_an_id_that_is_none_counts_as_absent(self, text):
        assert decoded({"traceId": text}).trace_id == 0

    @pytest.mark.parametrize("text", ["+/8=", "-_8=", "-_8"])
    def test_bytes_are_taken_in_both_alphabets_and_without_padding(self, text):
        assert decoded({"body": {"bytesValue": text}}).body == b"\xfb\xff"

    def test_null_is_a_field_that_is_not_there(self):
        fields = ("timeUnixNano", "severityText", "body", "attributes", "traceId", "eventName")
        assert decoded(dict.fromkeys(fields)) == Record()

    @pytest.mark.parametrize("value", ["1.5", 1.5, "1.5e0"])
    def test_a_double_is_taken_as_a_number_or_as_text(self, value):
        assert decoded({"body": {"doubleValue": value}}).body == 1.5

    def test_an_integer_in_a_double_is_a_float(self):
        assert type(decoded({"body": {"doubleValue": 2}}).body) is float

    def test_a_lone_surrogate_in_an_escape_becomes_a_replacement_character(self):
        data = request_of({"body": {"stringValue": "x"}}).replace(b'"x"', b'"\\ud800"')
        assert decode_json_request(data)[0].body == "\ufffd"

    @pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, lambda data: data.decode()])
    def test_any_form_of_text_is_taken(self, kind):
        assert decode_json_request(kind(request_of({"severityText": "INFO"})))[0].severity_text == "INFO"

    @pytest.mark.parametrize("data", [b"{}", b'{"resourceLogs": []}', b'{"resourceLogs": [{"scopeLogs": [{}]}]}'])
    def test_an_empty_envelope_has_no_records(self, data):
        assert decode_json_request(data) == []


class TestMalformedInput:
    @pytest.mark.parametrize(
        ("record", "text"),
        [
            ({"severityText": 5}, "'severityText' must be text, not int"),
            ({"timeUnixNano": "soon"}, "'timeUnixNano' must be an integer"),
            ({"timeUnixNano": True}, "'timeUnixNano' must be an integer"),
            ({"timeUnixNano": -1}, "'timeUnixNano' is out of range"),
            ({"timeUnixNano": str(2**64)}, "'timeUnixNano' "),
            ({"timeUnixNano": "9" * 5000}, "'timeUnixNano' must be an integer"),
            ({"body": "plain"}, "'body' must be an AnyValue object"),
            ({"body": {"intValue": str(2**63)}}, "'intValue' is out of range"),
            ({"body": {"boolValue": "true"}}, "'boolValue' must be true or false"),
            ({"body": {"doubleValue": "much"}}, "'doubleValue' is not a number"),
            ({"body": {"doubleValue": True}}, "'doubleValue' must be a number"),
            ({"body": {"bytesValue": "*"}}, "'bytesValue' is not base64"),
            ({"body": {"bytesValue": 1}}, "'bytesValue' must be base64 text"),
            ({"body": {"arrayValue": []}}, "'arrayValue' must be an object"),
            ({"attributes": {"a": 1}}, "'attributes' must be an array"),
            ({"attributes": ["a"]}, "'attributes' must be an array of objects"),
            (5, "'logRecords' must be an array of objects"),
        ],
    )
    def test_the_error_names_the_field_and_what_it_should_be(self, record, text):
        with pytest.raises(ValueError, match=text):
            decode_json_request(request_of(record))

    @pytest.mark.parametrize("data", [b"", b"[]", b"nonsense", b'"x"', b"\xff\xfe\xfa", b"[" * 100_000])
    def test_what_is_no_request_is_a_value_error(self, data):
        with pytest.raises(ValueError):
            decode_json_request(data)

    def test_values_nested_deeper_than_the_bound_are_refused(self):
        value: object = {"stringValue": "x"}
        for _ in range(MAX_DEPTH):
            value = {"arrayValue": {"values": [value]}}
        decoded({"body": value})
        with pytest.raises(ValueError, match="nested deeper than 64"):
            decoded({"body": {"arrayValue": {"values": [value]}}})
