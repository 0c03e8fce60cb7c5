"""The comparison's own judge: it must see a record that is missing, changed, or written in another span."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from benchmarks.compare.verdict import Expected, examine
from benchmarks.compare.workload import BODY, FIRST_NUMBER, ORDER_ID, PAID, REGION, TOTAL

EXPECTED = Expected(bytes(range(1, 17)), bytes(range(21, 29)))


def written(number: int) -> LogRecord:
    """The record as every subject writes it."""
    values = {
        "order_id": AnyValue(string_value=ORDER_ID),
        "number": AnyValue(int_value=FIRST_NUMBER + number),
        "total": AnyValue(double_value=TOTAL),
        "paid": AnyValue(bool_value=PAID),
        "region": AnyValue(string_value=REGION),
    }
    return LogRecord(
        time_unix_nano=1,
        observed_time_unix_nano=2,
        severity_number=9,
        severity_text="INFO",
        body=AnyValue(string_value=BODY),
        attributes=[KeyValue(key=key, value=value) for key, value in values.items()],
        flags=1,
        trace_id=EXPECTED.trace_id,
        span_id=EXPECTED.span_id,
    )


def request(records: list[LogRecord]) -> bytes:
    message = ExportLogsServiceRequest()
    message.resource_logs.add().scope_logs.add().log_records.extend(records)
    return message.SerializeToString()


def _in_another_trace(record: LogRecord) -> None:
    record.trace_id = bytes(16)


def _number_as_text(record: LogRecord) -> None:
    record.attributes[1].value.string_value = "100001"


def _without_total(record: LogRecord) -> None:
    del record.attributes[2]


def _not_paid(record: LogRecord) -> None:
    record.attributes[3].value.bool_value = False


def _shorter_body(record: LogRecord) -> None:
    record.body.string_value = BODY[:-1]


class TestExamine:
    def test_counts_records_requests_and_bytes(self) -> None:
        bodies = [request([written(0), written(1)]), request([written(2)])]
        found = examine(bodies, EXPECTED)
        assert (found.records, found.requests, found.size, found.faults) == (3, 2, sum(map(len, bodies)), [])

    @pytest.mark.parametrize("place", [0, 1], ids=["compared-whole", "looked-for-by-its-bytes"])
    @pytest.mark.parametrize(
        "change",
        [_in_another_trace, _number_as_text, _without_total, _not_paid, _shorter_body],
        ids=lambda one: one.__name__,
    )
    def test_sees_a_changed_record(self, change: Callable[[LogRecord], None], place: int) -> None:
        records = [written(0), written(1), written(2)]
        change(records[place])
        assert examine([request(records)], EXPECTED).faults

    @pytest.mark.parametrize("field", ["severity_text", "time_unix_nano", "flags"])
    def test_compares_the_first_record_of_a_request_field_by_field(self, field: str) -> None:
        record = written(0)
        record.ClearField(field)
        assert examine([request([record, written(1)])], EXPECTED).faults
