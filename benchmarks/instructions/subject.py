"""The counted process: it logs two lengths of run between marks, and proves that every record was written right.

The whole of ``configure()`` is at work, with a destination that only keeps what it is given, so that what is counted is
what an application executes; other threads than the one that logs are left out.
"""

from __future__ import annotations

import ctypes
import gc
import json
import logging
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.sdk.trace import TracerProvider

import fapilog_otel as fo
from benchmarks.compare.verdict import Expected, examine
from benchmarks.compare.workload import FIRST_NUMBER, LOGGER_NAME, SERVICE_NAME, api_logger, own_logger, stdlib_logger
from benchmarks.features import has_setting
from benchmarks.instructions.cases import CASES, LENGTHS
from benchmarks.libraries import loguru_logger, structlog_logger
from fapilog_otel.contracts import ExportResult
from fapilog_otel.encode.select import NATIVE
from fapilog_otel.pipeline import DEFAULT_STAGES

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.compare.workload import Emit
    from benchmarks.instructions.cases import Case
    from fapilog_otel.contracts import EncodedLogs

WARM_UP: Final = 1_000
_HOUR: Final = 3600.0


class Keeper:
    """An exporter that keeps the bytes of each request."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    def validate(self) -> None:
        """Accept."""

    async def start(self) -> None:
        """Open nothing."""

    async def export(self, request: EncodedLogs) -> ExportResult:
        """Keep the request."""
        self.bodies.append(b"".join(request.body()))
        return ExportResult()

    async def close(self) -> None:
        """Close nothing."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is counted: how it is written to, delivered and ended."""

    emit: Emit
    flush: Callable[[], bool]
    close: Callable[[], object]


def _subject(case: Case, keeper: Keeper) -> Subject:
    if case.native != NATIVE:
        raise RuntimeError(f"the {'native' if NATIVE else 'Python'} encoder is in use, not the one to be counted")
    given: dict[str, Any] = {
        "exporters": {"keeper": keeper},
        "service_name": SERVICE_NAME,
        "sources": [case.path] if case.path in ("stdlib", "structlog", "loguru") else [],
        "code_attributes": case.code,
        "schedule_delay": _HOUR,  # what is sent, and when, depends on the records alone
    }
    if not case.stages:
        given["without"] = list(DEFAULT_STAGES)
    if case.fast is not None and has_setting("fast_stdlib"):
        given["fast_stdlib"] = case.fast
    if case.path == "processor":
        return _processor(given)
    handle = fo.configure(**given)
    return Subject(_emit(case), lambda: handle.flush(60.0), handle.shutdown)


def _processor(given: dict[str, Any]) -> Subject:
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk.resources import Resource

    from fapilog_otel.settings import load_settings

    processor = fo.FapilogLogRecordProcessor(settings=load_settings(given))
    provider = LoggerProvider(resource=Resource.create({"service.name": SERVICE_NAME}))
    provider.add_log_record_processor(processor)
    emit = api_logger(provider.get_logger(LOGGER_NAME))
    return Subject(emit, lambda: processor.force_flush(60_000), provider.shutdown)


def _emit(case: Case) -> Emit:
    if case.path == "api":
        from opentelemetry._logs import get_logger

        return api_logger(get_logger(LOGGER_NAME))
    if case.path == "stdlib":
        logging.getLogger().setLevel(logging.INFO)
        return stdlib_logger(logging.getLogger(LOGGER_NAME))
    if case.path == "structlog":
        return own_logger(structlog_logger(LOGGER_NAME))
    if case.path == "loguru":
        return own_logger(loguru_logger())
    return own_logger(fo.get_logger(LOGGER_NAME))


def _count(emit: Emit, marks: ctypes.PyDLL) -> None:
    emit(FIRST_NUMBER, WARM_UP)
    # What start-up left behind must not be searched for garbage in one length of run and not in the other.
    gc.collect()
    gc.freeze()
    marks.marks_begin()
    emit(FIRST_NUMBER, LENGTHS[0])
    for length in LENGTHS:
        marks.marks_zero()
        emit(FIRST_NUMBER, length)
        marks.marks_dump(str(length).encode())
    marks.marks_end()


def main(key: str, library: str) -> None:
    """Run one case under callgrind and print what was wrong with it as a line of JSON.

    Args:
        key: The case's key.
        library: Path of the compiled ``marks.c``.
    """
    marks = ctypes.PyDLL(library)
    if not marks.marks_under_valgrind():
        raise RuntimeError("this runs under valgrind only")
    keeper = Keeper()
    subject = _subject(CASES[key], keeper)
    with TracerProvider().get_tracer("benchmark").start_as_current_span("run") as span:
        _count(subject.emit, marks)
        context = span.get_span_context()
    faults = [] if subject.flush() else ["flush did not deliver everything"]
    subject.close()
    expected = Expected(context.trace_id.to_bytes(16, "big"), context.span_id.to_bytes(8, "big"))
    verdict = examine(keeper.bodies, expected)
    written = WARM_UP + LENGTHS[0] + sum(LENGTHS)
    if verdict.records != written:
        faults.append(f"{written} records were written and {verdict.records} arrived")
    sys.stdout.write(json.dumps({"faults": faults + verdict.faults[:5]}) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
