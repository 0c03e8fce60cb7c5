from __future__ import annotations

import asyncio
import contextvars
import gc
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from opentelemetry import context as otel_context
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

from fapilog_otel.encode import _native, trace
from fapilog_otel.encode._wire import trace_fields
from fapilog_otel.encode.record_path import parse_trace_fields
from tests.unit.encode.encoders import Bench, Twin


def span(number: int, flags: int = 1) -> NonRecordingSpan:
    return NonRecordingSpan(SpanContext((number << 64) | number, number, False, TraceFlags(flags)))


@contextmanager
def within(current: Any) -> Iterator[Context]:
    """Make a span current for the block."""
    made = set_span_in_context(current)
    token = otel_context.attach(made)
    try:
        yield made
    finally:
        otel_context.detach(token)


def log(bench: Bench, body: Any = None) -> None:
    bench.submit(body, ids=None)


def span_ids(bench: Bench) -> list[int]:
    return [record.span_id for record in bench.records()]


class TestTheCurrentContext:
    def test_gives_trace_id_span_id_and_flags(self, bench: Bench) -> None:
        with within(span(7)):
            log(bench)
        record = bench.record()
        assert (record.trace_id, record.span_id, record.trace_flags) == ((7 << 64) | 7, 7, 1)

    def test_without_a_span_gives_nothing(self, bench: Bench) -> None:
        log(bench)
        record = bench.record()
        assert (record.trace_id, record.span_id, record.trace_flags) == (0, 0, 0)

    def test_is_read_anew_after_attach_and_detach(self, bench: Bench) -> None:
        log(bench)
        with within(span(1)):
            log(bench)
            log(bench)
            with within(span(2)):
                log(bench)
                log(bench)
            log(bench)
        log(bench)
        assert span_ids(bench) == [0, 1, 1, 2, 2, 1, 0]

    def test_keeps_an_unsampled_span(self, bench: Bench) -> None:
        with within(span(3, flags=0)):
            log(bench)
        record = bench.record()
        assert (record.span_id, record.trace_flags) == (3, 0)

    def test_ignores_an_invalid_span(self, bench: Bench) -> None:
        with within(NonRecordingSpan(SpanContext(5, 0, False))):
            log(bench)
        assert bench.record().trace_id == 0

    def test_follows_a_copied_context(self, bench: Bench) -> None:
        with within(span(1)):
            copied = contextvars.copy_context()
        log(bench)
        copied.run(log, bench)
        log(bench)
        assert span_ids(bench) == [0, 1, 0]

    def test_never_takes_a_new_context_for_an_old_one_at_its_address(self, bench: Bench) -> None:
        for number in range(1, 500):
            with within(span(number)):
                log(bench)
        assert span_ids(bench) == list(range(1, 500))

    def test_keeps_other_values_of_the_context_apart_from_the_span(self, bench: Bench) -> None:
        with within(span(1)) as current:
            token = otel_context.attach(otel_context.set_value("k", "v", current))
            log(bench)
            otel_context.detach(token)
        assert span_ids(bench) == [1]

    async def test_is_each_tasks_own(self, bench: Bench) -> None:
        async def work(number: int) -> None:
            with within(span(number)):
                for _ in range(5):
                    log(bench, number)
                    await asyncio.sleep(0)

        await asyncio.gather(*(work(number) for number in range(1, 101)))
        records = bench.records()
        assert len(records) == 500
        assert all(record.span_id == record.body for record in records)

    def test_is_each_threads_own(self, bench: Bench) -> None:
        def work(number: int) -> None:
            for turn in range(300):
                with within(span(number * 1000 + turn)):
                    log(bench, number * 1000 + turn)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 9)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        records = bench.records()
        assert len(records) == 2400
        assert all(record.span_id == record.body for record in records)


class TestAnExplicitContext:
    def test_wins_over_the_current_one(self, bench: Bench) -> None:
        with within(span(1)):
            bench.submit(ids=None, context=set_span_in_context(span(2)))
            log(bench)
        assert span_ids(bench) == [2, 1]

    def test_may_be_without_a_span(self, bench: Bench) -> None:
        with within(span(1)):
            bench.submit(ids=None, context=Context({"k": "v"}))
        assert span_ids(bench) == [0]

    def test_gives_way_to_explicit_ids(self, bench: Bench) -> None:
        bench.submit(ids=(1, 2, 3), context=set_span_in_context(span(9)))
        record = bench.record()
        assert (record.trace_id, record.span_id, record.trace_flags) == (1, 2, 3)

    def test_that_is_empty_means_the_current_one_for_emit(self, bench: Bench) -> None:
        with within(span(1)):
            bench.log.emit(body="x", context=Context())
        assert span_ids(bench) == [1]


class TestBrokenSpans:
    class Raises:
        def get_span_context(self) -> Any:
            raise RuntimeError("a tracer's bug")

    class Odd:
        def __init__(self, **fields: Any) -> None:
            self.fields = {"is_valid": True, "trace_id": 1, "span_id": 1, "trace_flags": 1, **fields}

        def get_span_context(self) -> Any:
            return type("Odd", (), self.fields)

    @pytest.mark.parametrize(
        "fields",
        [{"trace_id": 1 << 128}, {"span_id": -1}, {"trace_id": "abc"}, {"trace_flags": None}, {"span_id": 1.5}],
        ids=str,
    )
    def test_ids_that_cannot_be_written_are_left_out(self, bench: Bench, fields: dict[str, Any]) -> None:
        bench.submit("kept", ids=None, context={_SPAN_KEY: self.Odd(**fields)})
        record = bench.record()
        assert (record.body, record.trace_id, record.span_id) == ("kept", 0, 0)
        assert bench.dropped == {}

    def test_one_that_raises_costs_no_record(self, bench: Bench) -> None:
        bench.submit("kept", ids=None, context={_SPAN_KEY: self.Raises()})
        assert bench.record().body == "kept"

    def test_flags_beyond_32_bits_are_cut(self, bench: Bench) -> None:
        bench.submit(ids=(1, 1, (1 << 40) | 3))
        assert bench.record().trace_flags == 3

    def test_ids_with_bytes_of_their_own_cannot_overflow(self, bench: Bench) -> None:
        class Long(int):
            def to_bytes(self, *args: Any, **kwargs: Any) -> bytes:
                return b"\xff" * 100_000

        if bench.twin.name == "native":
            bench.submit(ids=(Long(5), 1, 1))
            assert bench.dropped == {"encode_error": 1}


_SPAN_KEY = next(iter(set_span_in_context(span(1))))


class TestLettingGo:
    def test_sealing_drops_the_cached_context(self, bench: Bench) -> None:
        current = span(1)
        held = weakref.ref(current)
        with within(current):
            log(bench)
        del current
        gc.collect()
        bench.core.seal_open()
        gc.collect()
        assert held() is None

    def test_ids_are_right_after_sealing(self, bench: Bench) -> None:
        with within(span(1)):
            log(bench)
            bench.core.seal_open()
            log(bench)
        assert span_ids(bench) == [1, 1]

    def test_a_span_that_logs_when_it_dies_is_safe(self, bench: Bench) -> None:
        class Chatty(NonRecordingSpan):
            def __del__(self) -> None:
                with within(span(1000)):
                    log(bench, "dying")

        for number in range(1, 50):
            made = set_span_in_context(Chatty(span(number).get_span_context()))
            token = otel_context.attach(made)
            del made
            log(bench, "alive")
            otel_context.detach(token)
        bench.core.seal_open()
        gc.collect()
        records = bench.records()
        assert [record.span_id for record in records if record.body == "alive"] == list(range(1, 50))
        assert {record.span_id for record in records if record.body == "dying"} == {1000}


class TestAnotherRuntimeContext:
    """Where OpenTelemetry's context is not kept in contextvars, the API is asked each time."""

    @pytest.fixture
    def foreign(self, twin: Twin, monkeypatch: pytest.MonkeyPatch) -> Bench:
        monkeypatch.setattr(trace, "runtime_context_var", lambda: None)
        monkeypatch.setattr(_native, "runtime_context_var", lambda: None)
        return Bench(twin)

    def test_is_asked_each_time(self, foreign: Bench) -> None:
        log(foreign)
        with within(span(1)):
            log(foreign)
        log(foreign)
        assert span_ids(foreign) == [0, 1, 0]


class TestPythonCache:
    def test_keeps_context_and_fields_together(self) -> None:
        """Another thread may load its own context between any two steps of this one's."""
        cache = trace.TraceCache()
        first, second = (set_span_in_context(span(number)) for number in (1, 2))
        assert cache.of(first) == cache.of(first) == trace_fields((1 << 64) | 1, 1, 1)
        assert cache.cached[0] is first
        assert cache.of(second) == trace_fields((2 << 64) | 2, 2, 1)
        cache.clear()
        assert first not in cache.cached
        assert second not in cache.cached


class TestFields:
    @pytest.mark.parametrize("ids", [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), ((1 << 128) - 1, (1 << 64) - 1, 255)])
    def test_are_read_back_as_they_were_written(self, ids: tuple[int, int, int]) -> None:
        assert parse_trace_fields(trace_fields(*ids)) == ids
