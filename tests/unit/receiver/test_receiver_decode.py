from __future__ import annotations

import json
import math

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from fapilog_otel.receiver import ReceivedEvent, ReceivedLog, ReceivedScope, ReceivedSpan
from fapilog_otel.receiver.decode import DecodeError, decode_logs, decode_request, decode_spans

TRACE, SPAN = "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174"

LOGS_JSON = {
    "resourceLogs": [
        {
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]},
            "schemaUrl": "https://schema/resource",
            "scopeLogs": [
                {
                    "scope": {
                        "name": "cart",
                        "version": "1",
                        "attributes": [{"key": "s", "value": {"boolValue": True}}],
                        "droppedAttributesCount": 4,
                    },
                    "schemaUrl": "https://schema/scope",
                    "logRecords": [
                        {
                            "timeUnixNano": "1544712660300000000",
                            "observedTimeUnixNano": 1544712660300000001,
                            "severityNumber": 10,
                            "severityText": "Information",
                            "traceId": TRACE.upper(),
                            "spanId": SPAN,
                            "flags": 1,
                            "eventName": "e",
                            "droppedAttributesCount": 2,
                            "body": {"stringValue": "Example log record"},
                            "attributes": [
                                {"key": "int", "value": {"intValue": "-9223372036854775808"}},
                                {"key": "double", "value": {"doubleValue": 637.704}},
                                {"key": "infinite", "value": {"doubleValue": "Infinity"}},
                                {"key": "bytes", "value": {"bytesValue": "AP8="}},
                                {"key": "none", "value": {}},
                                {"key": "list", "value": {"arrayValue": {"values": [{"intValue": 1}, {}]}}},
                                {
                                    "key": "map",
                                    "value": {"kvlistValue": {"values": [{"key": "k", "value": {"stringValue": "v"}}]}},
                                },
                            ],
                            "unknownField": [1, 2],
                        }
                    ],
                }
            ],
        }
    ]
}
LOG = ReceivedLog(
    body="Example log record",
    attributes={
        "int": -(2**63),
        "double": 637.704,
        "infinite": math.inf,
        "bytes": b"\x00\xff",
        "none": None,
        "list": [1, None],
        "map": {"k": "v"},
    },
    severity_number=10,
    severity_text="Information",
    trace_id=TRACE,
    span_id=SPAN,
    flags=1,
    timestamp=1544712660300000000,
    observed_timestamp=1544712660300000001,
    event_name="e",
    dropped_attributes_count=2,
    resource={"service.name": "shop"},
    resource_schema_url="https://schema/resource",
    scope=ReceivedScope("cart", "1", {"s": True}, 4, "https://schema/scope"),
)


def as_protobuf() -> bytes:
    """The same request built by hand from opentelemetry-proto's classes."""
    request = ExportLogsServiceRequest()
    resource_logs = request.resource_logs.add(schema_url="https://schema/resource")
    resource_logs.resource.attributes.add(key="service.name").value.string_value = "shop"
    scope_logs = resource_logs.scope_logs.add(schema_url="https://schema/scope")
    scope_logs.scope.name, scope_logs.scope.version, scope_logs.scope.dropped_attributes_count = "cart", "1", 4
    scope_logs.scope.attributes.add(key="s").value.bool_value = True
    record = scope_logs.log_records.add(
        time_unix_nano=1544712660300000000,
        observed_time_unix_nano=1544712660300000001,
        severity_number=10,
        severity_text="Information",
        trace_id=bytes.fromhex(TRACE),
        span_id=bytes.fromhex(SPAN),
        flags=1,
        event_name="e",
        dropped_attributes_count=2,
    )
    record.body.string_value = "Example log record"
    add = record.attributes.add
    add(key="int").value.int_value = -(2**63)
    add(key="double").value.double_value = 637.704
    add(key="infinite").value.double_value = math.inf
    add(key="bytes").value.bytes_value = b"\x00\xff"
    add(key="none").value.SetInParent()
    values = add(key="list").value.array_value.values
    values.add().int_value = 1
    values.add()
    add(key="map").value.kvlist_value.values.add(key="k").value.string_value = "v"
    return request.SerializeToString()


class TestDecodeLogs:
    def test_gives_every_field_of_a_protobuf_request(self) -> None:
        assert decode_logs(as_protobuf()) == (LOG,)

    def test_gives_every_field_of_a_json_request(self) -> None:
        assert decode_logs(json.dumps(LOGS_JSON).encode(), as_json=True) == (LOG,)

    def test_tells_bool_from_int(self) -> None:
        (log,) = decode_logs(as_protobuf())
        assert type(log.scope.attributes["s"]) is bool
        assert type(log.attributes["int"]) is int

    @pytest.mark.parametrize("as_json", [True, False])
    def test_gives_nothing_for_an_empty_request(self, as_json: bool) -> None:
        assert decode_logs(b"{}" if as_json else b"", as_json=as_json) == ()

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"{",
            b"[]",
            b"null",
            b'"text"',
            b'{"resourceLogs": {}}',
            b'{"resourceLogs": [1]}',
            b'{"resourceLogs": [{"scopeLogs": [{"logRecords": [{"traceId": "xyz"}]}]}]}',
            b'{"resourceLogs": [{"scopeLogs": [{"logRecords": [{"flags": -1}]}]}]}',
            b"\xff",
            b'{"a":' * 100_000,
        ],
    )
    def test_refuses_malformed_json(self, body: bytes) -> None:
        with pytest.raises(DecodeError, match="not an OTLP request"):
            decode_logs(body, as_json=True)

    @pytest.mark.parametrize("body", [b"\xff", b"\x0a\xff", as_protobuf()[:-3]])
    def test_refuses_malformed_protobuf(self, body: bytes) -> None:
        with pytest.raises(DecodeError, match="not an OTLP request"):
            decode_logs(body)


class TestDecodeSpans:
    def test_gives_what_a_trace_view_needs(self) -> None:
        request = ExportTraceServiceRequest()
        resource_spans = request.resource_spans.add()
        resource_spans.resource.attributes.add(key="service.name").value.string_value = "shop"
        scope_spans = resource_spans.scope_spans.add(schema_url="u")
        scope_spans.scope.name = "http"
        span = scope_spans.spans.add(
            name="GET /",
            trace_id=bytes.fromhex(TRACE),
            span_id=bytes.fromhex(SPAN),
            parent_span_id=b"\1" * 8,
            kind=2,
            start_time_unix_nano=5,
            end_time_unix_nano=9,
        )
        span.status.code, span.status.message = 2, "boom"
        span.attributes.add(key="http.route").value.string_value = "/"
        span.events.add(name="exception", time_unix_nano=7).attributes.add(key="n").value.int_value = 1
        expected = ReceivedSpan(
            name="GET /",
            trace_id=TRACE,
            span_id=SPAN,
            parent_span_id="01" * 8,
            kind=2,
            start=5,
            end=9,
            attributes={"http.route": "/"},
            status_code=2,
            status_message="boom",
            events=(ReceivedEvent(name="exception", timestamp=7, attributes={"n": 1}),),
            resource={"service.name": "shop"},
            scope=ReceivedScope("http", schema_url="u"),
        )
        assert decode_spans(request.SerializeToString()) == (expected,)
        assert decode_request("traces", request.SerializeToString(), as_json=False).spans == (expected,)

    def test_reads_hexadecimal_ids_from_json(self) -> None:
        body = {"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": TRACE, "parentSpanId": SPAN}]}]}]}
        (span,) = decode_spans(json.dumps(body).encode(), as_json=True)
        assert (span.trace_id, span.parent_span_id, span.span_id) == (TRACE, SPAN, "")
