"""Every record carries the trace and span it was written in."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

import fapilog_otel as fo
from fapilog_otel.receiver import OtlpReceiver
from fapilog_otel_exporters.memory import MemoryExporter
from tests.contract.faces_support import TRACER, delivered


def ids_by_body(provider: fo.LoggerProvider, memory: MemoryExporter) -> dict[Any, tuple[int, int]]:
    return {record.body: (record.trace_id, record.span_id) for record in delivered(provider, memory)}


def ids_of(span: trace.Span) -> tuple[int, int]:
    context = span.get_span_context()
    return context.trace_id, context.span_id


@pytest.fixture(params=["own", "api"])
def say(request: pytest.FixtureRequest, provider: fo.LoggerProvider) -> Any:
    """Log a text, through a level method or through the API's emit."""
    logger: Any = provider.get_logger("shop")
    return logger.info if request.param == "own" else lambda text: logger.emit(body=text)


class TestWhichSpan:
    def test_nested_spans_and_none(self, provider: fo.LoggerProvider, memory: MemoryExporter, say: Any) -> None:
        say("before")
        with TRACER.start_as_current_span("outer") as outer:
            say("outer")
            with TRACER.start_as_current_span("inner") as inner:
                say("inner")
            say("outer again")
        say("after")
        assert ids_by_body(provider, memory) == {
            "before": (0, 0), "outer": ids_of(outer), "inner": ids_of(inner), "outer again": ids_of(outer),
            "after": (0, 0),
        }  # fmt: skip

    def test_without_a_span_the_fields_are_absent_on_the_wire(self, receiver: OtlpReceiver) -> None:
        from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

        provider = fo.LoggerProvider(settings=fo.Settings(endpoint=receiver.http_endpoint))
        provider.get_logger("shop").emit(body="x")
        assert provider.shutdown()
        sent = ExportLogsServiceRequest.FromString(receiver.requests[0].body)
        record = sent.resource_logs[0].scope_logs[0].log_records[0]
        assert (record.trace_id, record.span_id, record.flags) == (b"", b"", 0)

    @pytest.mark.parametrize("flags", [0, 1])
    @pytest.mark.parametrize("remote", [True, False])
    def test_remote_and_non_recording_spans_count(
        self, provider: fo.LoggerProvider, memory: MemoryExporter, say: Any, remote: bool, flags: int
    ) -> None:
        span = NonRecordingSpan(SpanContext(5, 6, is_remote=remote, trace_flags=TraceFlags(flags)))
        with trace.use_span(span):
            say("x")
        (record,) = delivered(provider, memory)
        assert (record.trace_id, record.span_id, record.trace_flags) == (5, 6, flags)

    def test_so_do_spans_that_are_not_sampled(
        self, provider: fo.LoggerProvider, memory: MemoryExporter, say: Any
    ) -> None:
        with TracerProvider(sampler=ALWAYS_OFF).get_tracer("t").start_as_current_span("unsampled") as span:
            say("x")
        assert ids_by_body(provider, memory) == {"x": ids_of(span)}
        assert not memory.records[0].trace_flags & TraceFlags.SAMPLED

    def test_an_invalid_span_counts_as_none(
        self, provider: fo.LoggerProvider, memory: MemoryExporter, say: Any
    ) -> None:
        with trace.use_span(trace.INVALID_SPAN):
            say("x")
        assert ids_by_body(provider, memory) == {"x": (0, 0)}

    def test_an_explicit_context_goes_before_the_current_one(
        self, provider: fo.LoggerProvider, memory: MemoryExporter
    ) -> None:
        logger = provider.get_logger("shop")
        with TRACER.start_as_current_span("other") as other:
            held = otel_context.get_current()
        with TRACER.start_as_current_span("current") as current:
            logger.emit(body="explicit", context=held)
            logger.emit(body="current", context=None)
            logger.emit(body="empty", context=set_span_in_context(trace.INVALID_SPAN))
        assert ids_by_body(provider, memory) == {
            "explicit": ids_of(other), "current": ids_of(current), "empty": (0, 0),
        }  # fmt: skip


class TestAcrossExecution:
    def test_threads_have_their_own(self, provider: fo.LoggerProvider, memory: MemoryExporter, say: Any) -> None:
        expected: dict[Any, tuple[int, int]] = {}
        barrier = threading.Barrier(8)

        def work(number: int) -> None:
            with TRACER.start_as_current_span("work") as span:
                expected[f"{number}"] = ids_of(span)
                barrier.wait(5)
                say(f"{number}")
            barrier.wait(5)
            say(f"none {number}")
            expected[f"none {number}"] = (0, 0)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert ids_by_body(provider, memory) == expected

    async def test_tasks_have_their_own_and_inherit(
        self, provider: fo.LoggerProvider, memory: MemoryExporter, say: Any
    ) -> None:
        expected: dict[Any, tuple[int, int]] = {}

        async def work(number: int) -> None:
            say(f"inherited {number}")
            with TRACER.start_as_current_span("task") as span:
                expected[f"own {number}"] = ids_of(span)
                await asyncio.sleep(0)
                say(f"own {number}")

        with TRACER.start_as_current_span("parent") as parent:
            expected.update({f"inherited {number}": ids_of(parent) for number in range(8)})
            await asyncio.gather(*(work(number) for number in range(8)))
        assert ids_by_body(provider, memory) == expected

    async def test_async_twins_carry_it_too(self, provider: fo.LoggerProvider, memory: MemoryExporter) -> None:
        logger: Any = provider.get_logger("shop")
        with TRACER.start_as_current_span("work") as span:
            await logger.ainfo("x")
        assert ids_by_body(provider, memory) == {"x": ids_of(span)}

    def test_copied_contexts_keep_theirs(self, provider: fo.LoggerProvider, memory: MemoryExporter, say: Any) -> None:
        with TRACER.start_as_current_span("first") as first:
            copied = contextvars.copy_context()
        with TRACER.start_as_current_span("second") as second:
            copied.run(say, "copied")
            say("current")
        copied.run(say, "copied later")
        assert ids_by_body(provider, memory) == {
            "copied": ids_of(first), "current": ids_of(second), "copied later": ids_of(first),
        }  # fmt: skip

    def test_generators_see_the_span_of_whoever_runs_them(
        self, provider: fo.LoggerProvider, memory: MemoryExporter, say: Any
    ) -> None:
        def generate() -> Iterator[None]:
            for number in range(3):
                say(f"step {number}")
                yield

        steps = generate()
        with TRACER.start_as_current_span("first") as first:
            next(steps)
        with TRACER.start_as_current_span("second") as second:
            next(steps)
        next(steps)
        assert ids_by_body(provider, memory) == {
            "step 0": ids_of(first), "step 1": ids_of(second), "step 2": (0, 0),
        }  # fmt: skip

    def test_attach_and_detach_by_hand(self, provider: fo.LoggerProvider, memory: MemoryExporter, say: Any) -> None:
        span = TRACER.start_span("manual")
        token = otel_context.attach(trace.set_span_in_context(span))
        say("in")
        otel_context.detach(token)
        say("out")
        assert ids_by_body(provider, memory) == {"in": ids_of(span), "out": (0, 0)}
