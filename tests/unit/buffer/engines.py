"""Engines over scripted exporters, for the tests of the buffer."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from fapilog_otel.buffer.engine import Engine
from fapilog_otel.buffer.spec import Destination, EngineSpec
from fapilog_otel.contracts import EncodedLogs, ExporterTraits, ExportResult
from fapilog_otel.delivery import RetryPolicy
from fapilog_otel.delivery.claims import BranchSettings
from fapilog_otel.model.record import Record
from fapilog_otel.model.scope import Scope
from fapilog_otel.pipeline import build_chain
from fapilog_otel.telemetry.diagnostics import Diagnostics

SCOPE = Scope("buffer.test")


class Collecting:
    """An exporter that keeps what it gets, and can be held back."""

    def __init__(self, max_in_flight: int = 1, *, open_gate: bool = True) -> None:
        self.traits = ExporterTraits(max_in_flight=max_in_flight)
        self.records: list[Record] = []
        self.requests: list[int] = []
        self.under_way = 0
        self.most_under_way = 0
        self.starts = 0
        self.closes = 0
        self.error: Exception | None = None
        self.result = ExportResult()
        self.gate = threading.Event()
        if open_gate:
            self.gate.set()

    def validate(self) -> None:
        pass

    async def start(self) -> None:
        self.starts += 1

    async def close(self) -> None:
        self.closes += 1

    async def export(self, request: EncodedLogs) -> ExportResult:
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            while not self.gate.is_set():  # noqa: ASYNC110 - the gate is opened from another thread
                await asyncio.sleep(0.001)
            if self.error is not None:
                raise self.error
            self.records.extend(request.records())
            self.requests.append(request.count)
            return self.result
        finally:
            self.under_way -= 1

    @property
    def bodies(self) -> list[Any]:
        return [record.body for record in self.records]


@contextmanager
def running(
    *exporters: Collecting,
    stages: tuple[Any, ...] = (),
    max_bytes: int = 1 << 22,
    optional: tuple[str, ...] = (),
    shutdown: float = 0.5,
    **spec: Any,
) -> Iterator[Engine]:
    """Run an engine with destinations ``d0``, ``d1`` ... until the end of the block."""
    values: dict[str, Any] = {"schedule_delay": 0.01, "chunk_size": 16_384, "retry": RetryPolicy(0.005, 0.01)}
    values.update(spec)
    destinations = [
        Destination(
            BranchSettings(
                f"d{number}",
                max_bytes,
                max_request_size=16_384,
                max_in_flight=exporter.traits.max_in_flight,
                optional=f"d{number}" in optional,
            ),
            exporter,
        )
        for number, exporter in enumerate(exporters)
    ]
    engine = Engine(
        EngineSpec(
            chain=build_chain(stages=stages),
            destinations=destinations,
            **{"diagnostics": Diagnostics(stream=lambda: None), **values},
        )
    )
    try:
        yield engine
    finally:
        engine.shutdown(shutdown)
        assert engine.stats().balanced


def emit(engine: Engine, body: Any = "hello", severity: int = 9, number: int = 1, **attributes: Any) -> None:
    """Submit records of one kind."""
    for _ in range(number):
        engine.core.submit(SCOPE, -1, 0, severity, "", body, attributes, None, (0, 0, 0), None, "")


def eventually(condition: Callable[[], bool], timeout: float = 5.0) -> None:
    """Wait until a condition holds, or fail."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come to hold"
        time.sleep(0.002)
