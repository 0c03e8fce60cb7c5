"""The matrix's verdict: what it must not let pass."""

from __future__ import annotations

import dataclasses

import pytest

from fapilog_otel.receiver import ReceivedLog
from fapilog_otel.receiver.records import ReceivedScope
from tests.servers.cell_run import judge
from tests.servers.load import Request

MADE = [Request(0, "a" * 32, "b" * 16, "c" * 16), Request(1, "d" * 32, "e" * 16, "f" * 16)]


def record(request: Request, scope: str, body: str = "") -> ReceivedLog:
    return ReceivedLog(
        body=body,
        attributes={"number": request.number},
        trace_id=request.trace_id,
        span_id=request.span_id,
        scope=ReceivedScope(scope),
    )


GOOD = [log for made in MADE for log in (record(made, "shop"), record(made, "access", f'"GET /orders/{made.number}"'))]


def faults(records: list[ReceivedLog], traced: bool = True) -> list[str]:
    return list(judge(MADE, records, "access", traced=traced))


class TestVerdict:
    def test_finds_nothing_wrong_where_all_is_well(self) -> None:
        assert faults([*GOOD, record(MADE[0], "uvicorn.error")]) == []

    def test_counts_what_is_missing_and_what_came_twice(self) -> None:
        assert faults(GOOD[1:]) == ["shop: 1 missing, 0 too many of 2"]
        assert faults([*GOOD, GOOD[1]]) == ["access: 0 missing, 1 too many of 2"]

    @pytest.mark.parametrize(
        ("changed", "fault"),
        [
            ({"trace_id": MADE[1].trace_id}, "access: in another trace or none: 1"),
            ({"trace_id": ""}, "access: in another trace or none: 1"),
            ({"span_id": "0" * 16}, "access: in another span: 1"),
        ],
    )
    def test_sees_a_record_that_is_tied_to_another_request(self, changed: dict[str, str], fault: str) -> None:
        records = list(GOOD)
        records[1] = dataclasses.replace(records[1], **changed)
        assert faults(records) == [fault]

    def test_asks_for_the_callers_span_where_requests_have_none(self) -> None:
        callers = [dataclasses.replace(log, span_id=MADE[index // 2].parent_id) for index, log in enumerate(GOOD)]
        assert faults(callers, traced=False) == []
        assert faults(GOOD, traced=False) != []
