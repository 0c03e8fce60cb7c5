"""The trace of the running request: from its header, from its span, and after the span has ended."""

from __future__ import annotations

import asyncio
import logging

import pytest
from opentelemetry import trace
from opentelemetry.instrumentation.utils import _start_internal_or_server_span
from opentelemetry.trace import SpanKind, Tracer

from fapilog_otel.integrations._requests import REQUEST, RequestScope, caller_of, header
from fapilog_otel.testing import capture_logs

TRACE, PARENT = 0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331
TRACEPARENT = f"00-{TRACE:032x}-{PARENT:016x}-01"
log = logging.getLogger("shop")


class TestHeader:
    @pytest.mark.parametrize("pairs", [[(b"TraceParent", b"x")], [("a", "b"), ("TRACEPARENT", "x")]])
    def test_is_found_whatever_its_case_and_type(self, pairs: list[tuple[object, object]]) -> None:
        assert header(pairs) == "x"

    def test_may_be_missing(self) -> None:
        assert header([(b"tracestate", b"x"), ("traceparen", "y")]) is None

    @pytest.mark.parametrize(
        "value", [None, "", "junk", f"00-{0:032x}-{PARENT:016x}-01", f"ff-{TRACE:032x}-{PARENT:016x}-01"]
    )
    def test_that_names_no_span_counts_as_none(self, value: str | None) -> None:
        assert caller_of(value) is None


class TestWithoutASpan:
    def test_a_record_carries_the_callers_trace(self) -> None:
        with capture_logs() as capture:
            with RequestScope(TRACEPARENT):
                log.warning("inside")
            log.warning("outside")
        inside, outside = capture.records
        assert (inside.trace_id, inside.span_id, inside.trace_flags) == (TRACE, PARENT, 1)
        assert (outside.trace_id, outside.span_id) == (0, 0)

    def test_nothing_is_known_of_a_request_without_a_header(self) -> None:
        with capture_logs() as capture, RequestScope(None):
            log.warning("inside")
        assert capture.records[0].trace_id == 0

    async def test_requests_side_by_side_keep_their_own(self) -> None:
        async def one(number: int) -> None:
            with RequestScope(f"00-{number:032x}-{number:016x}-01"):
                await asyncio.sleep(0)
                log.warning("%d", number)

        with capture_logs() as capture:
            await asyncio.gather(*(one(number) for number in range(1, 50)))
        assert {int(str(record.body)): record.trace_id for record in capture.records} == {n: n for n in range(1, 50)}

    def test_it_ends_with_the_scope(self) -> None:
        with RequestScope(TRACEPARENT):
            pass
        assert REQUEST.get() is None


class TestSpans:
    def test_the_active_span_is_the_records(self, tracer: Tracer) -> None:
        with capture_logs() as capture, RequestScope(TRACEPARENT), tracer.start_as_current_span("s") as span:
            log.warning("x")
        assert capture.records[0].span_id == span.get_span_context().span_id

    def test_instrumentation_starts_a_server_span_under_the_caller(self, tracer: Tracer) -> None:
        with RequestScope(TRACEPARENT):
            span, token = _start_internal_or_server_span(tracer, "GET /", None, {"traceparent": TRACEPARENT}, _Getter())
            trace.context_api.detach(token)
        assert span.kind is SpanKind.SERVER
        assert (span.parent.trace_id, span.parent.span_id) == (TRACE, PARENT)

    def test_the_servers_span_speaks_after_it_has_ended(self, tracer: Tracer) -> None:
        with RequestScope(None) as scope:
            with tracer.start_as_current_span("middleware"):
                pass
            with tracer.start_as_current_span("GET /", kind=SpanKind.SERVER) as span:
                pass
            with tracer.start_as_current_span("later"):
                pass
            assert scope.trace.context == span.get_span_context()

    def test_a_span_of_another_trace_is_not_the_requests(self, tracer: Tracer) -> None:
        with RequestScope(TRACEPARENT) as scope:
            with tracer.start_as_current_span("background", context=trace.context_api.Context()):
                pass
            assert scope.trace.ids() == (TRACE, PARENT, 1)


class _Getter:
    def get(self, carrier: dict[str, str], key: str) -> list[str] | None:
        return [carrier[key]] if key in carrier else None

    def keys(self, carrier: dict[str, str]) -> list[str]:
        return list(carrier)
