"""Ten thousand records in two hundred spans, from threads and asyncio tasks, and what each must look like on arrival.

::

    16 writers ─► span s ─► record s * 50 … s * 50 + 49 ─► source ─► …the way under test… ─► receiver
                                                              └ expected(index) ◄── compared ───┘
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry._logs import LoggerProvider, SeverityNumber
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from fapilog_otel.receiver import ReceivedLog, ReceivedScope

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from opentelemetry.trace import SpanContext, Tracer

    from fapilog_otel.telemetry.accounting import DestinationStats, Stats

SPANS = 200
PER_SPAN = 50
RECORDS = SPANS * PER_SPAN
THREADS = 8
TASKS = 8
LOGGERS = 4
ROOT = "shop"
"""What every logger name of the workload begins with."""

_UNSAMPLED_EVERY = 8


def attributes_of(index: int) -> dict[str, Any]:
    """An attribute of every type that OTLP has."""
    return {
        "index": index,
        "text": f"naïve ☃ {index}",
        "whole": -(2**40) - index,
        "half": index / 8,
        "flag": index % 2 == 0,
        "list": [index, "two", 2.5, False, None],
        "map": {"deep": {"er": [index, {"est": None}]}},
        "bytes": index.to_bytes(4, "big") + b"\xff",
        "none": None,
    }


def body_of(index: int) -> Any:
    """A body of every type in turn."""
    text, half = f"order {index} placed", index / 4
    kinds = (text, index, half, index % 3 == 0, {"order": index}, [index, None], b"\x00\xfe", None)
    return kinds[index % len(kinds)]


class Source(ABC):
    """One way to log; `write` is called on many threads and tasks."""

    @abstractmethod
    def write(self, index: int) -> None:
        """Log record `index` with the current context."""

    @abstractmethod
    def expected(self, index: int) -> ReceivedLog:
        """The record as it must arrive, but for time, trace and resource."""


class OwnLogger(Source):
    """Our own logger's level methods."""

    _LEVELS = (
        ("trace", 1, "TRACE"),
        ("debug", 5, "DEBUG"),
        ("info", 9, "INFO"),
        ("warning", 13, "WARN"),
        ("error", 17, "ERROR"),
        ("critical", 21, "FATAL"),
        ("audit", 22, "AUDIT"),
        ("security", 23, "SECURITY"),
    )

    def __init__(self, provider: object) -> None:
        import fapilog_otel

        self._loggers = [fapilog_otel.get_logger(f"{ROOT}.own{number}", "1.2") for number in range(LOGGERS)]

    def write(self, index: int) -> None:
        method, _, _ = self._LEVELS[index % len(self._LEVELS)]
        getattr(self._loggers[index % LOGGERS], method)(body_of(index + index // 8), **attributes_of(index))

    def expected(self, index: int) -> ReceivedLog:
        _, number, text = self._LEVELS[index % len(self._LEVELS)]
        return ReceivedLog(
            body=body_of(index + index // 8),
            attributes=attributes_of(index),
            severity_number=number,
            severity_text=text,
            scope=ReceivedScope(f"{ROOT}.own{index % LOGGERS}", "1.2"),
        )


class StdlibLogging(Source):
    """The `logging` module, on loggers that do not propagate."""

    _LEVELS = (
        (logging.DEBUG, 5, "DEBUG"),
        (logging.INFO, 9, "INFO"),
        (logging.WARNING, 13, "WARN"),
        (logging.ERROR, 17, "ERROR"),
        (logging.CRITICAL, 21, "FATAL"),
    )

    def __init__(self, provider: object) -> None:
        self._loggers = [logging.getLogger(f"{ROOT}.stdlib{number}") for number in range(LOGGERS)]
        for logger in self._loggers:
            logger.propagate = False  # the stock handler on the root would miss these; and pytest keeps what reaches it
            logger.handlers = [logging.NullHandler()]

    def write(self, index: int) -> None:
        level, _, _ = self._LEVELS[index % len(self._LEVELS)]
        logger = self._loggers[index % LOGGERS]
        if index % 7 == 0:
            logger.log(level, {"order": index}, extra=attributes_of(index))
        else:
            logger.log(level, "order %d of %s placed", index, "naïve", extra=attributes_of(index))

    def expected(self, index: int) -> ReceivedLog:
        _, number, text = self._LEVELS[index % len(self._LEVELS)]
        return ReceivedLog(
            body={"order": index} if index % 7 == 0 else f"order {index} of naïve placed",
            attributes=attributes_of(index),
            severity_number=number,
            severity_text=text,
            scope=ReceivedScope(f"{ROOT}.stdlib{index % LOGGERS}"),
        )


class LogsApi(Source):
    """The OpenTelemetry Logs API; every third record names its context instead of having it about."""

    _STARTED = 1_790_000_000_123_456_789  # the same in every process

    def __init__(self, provider: LoggerProvider) -> None:
        self._loggers = [
            provider.get_logger(f"{ROOT}.api{number}", f"{number}.0", f"https://schema/{number}", self._scope(number))
            for number in range(LOGGERS)
        ]

    @staticmethod
    def _scope(number: int) -> dict[str, Any]:
        return {"scope.number": number, "scope.kind": "demo"}

    def write(self, index: int) -> None:
        context = trace.set_span_in_context(trace.get_current_span()) if index % 3 == 0 else None
        token = trace.set_span_in_context(trace.INVALID_SPAN) if context else None
        emit = self._loggers[index % LOGGERS].emit
        number = 1 + index % 24
        fields = {
            "timestamp": self._STARTED + index,
            "observed_timestamp": self._STARTED + 2 * index,
            "severity_number": SeverityNumber(number),
            "severity_text": f"level {number}",
            "body": body_of(index),
            "attributes": attributes_of(index),
            "event_name": f"order.{index % 5}" if index % 5 else None,
        }
        if context is None:
            emit(**fields)
        else:
            with _current(token):
                emit(context=context, **fields)

    def expected(self, index: int) -> ReceivedLog:
        number, logger = 1 + index % 24, index % LOGGERS
        return ReceivedLog(
            body=body_of(index),
            attributes=attributes_of(index),
            severity_number=number,
            severity_text=f"level {number}",
            timestamp=self._STARTED + index,
            observed_timestamp=self._STARTED + 2 * index,
            event_name=f"order.{index % 5}" if index % 5 else "",
            scope=ReceivedScope(
                f"{ROOT}.api{logger}", f"{logger}.0", self._scope(logger), 0, f"https://schema/{logger}"
            ),
        )


SOURCES: tuple[Callable[[Any], Source], ...] = (OwnLogger, StdlibLogging, LogsApi)


class _current:
    """A context for the length of a block."""

    def __init__(self, context: Any) -> None:
        self._context = context

    def __enter__(self) -> None:
        from opentelemetry.context import attach

        self._token = attach(self._context)

    def __exit__(self, *exc_info: object) -> None:
        from opentelemetry.context import detach

        detach(self._token)


class Workload:
    """The writing of all records, and the check of what arrived.

    Args:
        source: How the records are logged.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.contexts: list[SpanContext | None] = [None] * SPANS
        self._tracers = (TracerProvider().get_tracer("workload"), TracerProvider(ALWAYS_OFF).get_tracer("workload"))
        self._began = self._ended = 0

    def write(self) -> None:
        """Log every record: 8 threads and 8 tasks, each in spans of its own, all at the same time."""
        self._began = time.time_ns()
        threads = [threading.Thread(target=self._thread, args=(number,)) for number in range(THREADS)]
        for thread in threads:
            thread.start()
        asyncio.run(self._tasks())
        for thread in threads:
            thread.join()
        self._ended = time.time_ns()

    def _tracer(self, span: int) -> Tracer:
        return self._tracers[span % _UNSAMPLED_EVERY == 0]

    def _thread(self, writer: int) -> None:
        for span in range(writer, SPANS, THREADS + TASKS):
            with self._tracer(span).start_as_current_span("order") as current:
                self.contexts[span] = current.get_span_context()
                for index in range(span * PER_SPAN, (span + 1) * PER_SPAN):
                    self.source.write(index)

    async def _tasks(self) -> None:
        await asyncio.gather(*(self._task(THREADS + number) for number in range(TASKS)))

    async def _task(self, writer: int) -> None:
        for span in range(writer, SPANS, THREADS + TASKS):
            with self._tracer(span).start_as_current_span("order") as current:
                self.contexts[span] = current.get_span_context()
                for index in range(span * PER_SPAN, (span + 1) * PER_SPAN):
                    self.source.write(index)
                    await asyncio.sleep(0)  # another task's span becomes current meanwhile

    def written(self) -> list[tuple[int, int, int]]:
        """The ids and flags of every span, for another process to `adopt`."""
        contexts = [context for context in self.contexts if context is not None]
        return [(context.trace_id, context.span_id, int(context.trace_flags)) for context in contexts]

    def adopt(self, written: Iterable[tuple[int, int, int]]) -> None:
        """Take another process's writing for one's own."""
        self.contexts = [
            trace.SpanContext(trace_id, span_id, is_remote=False, trace_flags=trace.TraceFlags(flags))
            for trace_id, span_id, flags in written
        ]

    def check(self, records: Sequence[ReceivedLog], resource: Mapping[str, Any]) -> None:
        """Assert that exactly the records written are there, each with every field as it was written."""
        assert_once(record.attributes["index"] for record in records)
        for record in records:
            self._check_one(record, resource)

    def _check_one(self, record: ReceivedLog, resource: Mapping[str, Any]) -> None:
        index = record.attributes["index"]
        assert isinstance(index, int)
        expected = self.complete(index, resource)
        if not expected.timestamp:  # set by the logger, not by the caller
            assert self._began - 1_000_000 <= record.timestamp <= self._ended
            assert self._began <= record.observed_timestamp <= self._ended
            record = replace(record, timestamp=0, observed_timestamp=0)
        assert record == expected
        # 1 == 1.0 == True
        assert typed(record.attributes) == typed(expected.attributes)
        assert typed(record.body) == typed(expected.body)

    def complete(self, index: int, resource: Mapping[str, Any]) -> ReceivedLog:
        """The record as it must arrive, with the ids of the span that it was written in."""
        context = self.contexts[index // PER_SPAN]
        assert context is not None
        return replace(
            self.source.expected(index),
            trace_id=f"{context.trace_id:032x}",
            span_id=f"{context.span_id:016x}",
            flags=int(context.trace_flags),
            resource=resource,
        )


def assert_delivered(stats: Stats | DestinationStats, count: int = RECORDS) -> None:
    """Assert that so many records were submitted and every one was delivered."""
    assert stats.balanced
    assert (stats.submitted, stats.delivered, stats.in_flight) == (count, count, 0)
    assert (stats.filtered, stats.dropped, stats.failed) == (0, 0, 0)


def assert_once(indexes: Iterable[Any]) -> None:
    """Assert that each index from 0 to the last is there exactly once; the message stays readable."""
    found = sorted(indexes)
    missing = sorted(set(range(RECORDS)) - set(found))
    assert not missing, f"{len(missing)} of {RECORDS} are missing, {missing[:20]} …"
    assert len(found) == RECORDS, f"{len(found) - RECORDS} arrived more than once"


def typed(value: Any) -> Any:
    """A value with the type of each part beside it."""
    if isinstance(value, Mapping):
        return {key: typed(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [typed(item) for item in value]
    return type(value), value
