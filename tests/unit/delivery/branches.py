"""Branches over senders that answer as they are told, and chunks for them."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from fapilog_otel.contracts import EncodedLogs, ExportResult
from fapilog_otel.delivery.claims import BranchSettings, Hold, Ticket
from fapilog_otel.delivery.fanout import Branch
from fapilog_otel.delivery.split import Part
from fapilog_otel.encode._wire import delimited
from fapilog_otel.encode.plan import EncodePlan
from fapilog_otel.encode.values import record_payload
from fapilog_otel.model.chunk import Chunk as PythonChunk
from fapilog_otel.model.record import Record
from fapilog_otel.model.scope import Scope
from fapilog_otel.model.severity import severity_band
from fapilog_otel.telemetry.accounting import Lanes

SCOPE = Scope("fanout")
ALL = 1 << 30


class Host:
    """Remembers what became free."""

    def __init__(self, remember: bool = True) -> None:
        self.released: deque[Any] = deque(maxlen=None if remember else 0)
        self.settled = 0

    def on_release(self, hold: Hold) -> None:
        self.released.append(hold.chunk)

    def on_settled(self) -> None:
        self.settled += 1


class Sender:
    """Answers as it is told, at once or when the gate opens."""

    def __init__(self) -> None:
        self.requests: list[EncodedLogs] = []
        self.answer: Callable[[EncodedLogs], list[Part]] = lambda request: [Part(request, ExportResult(), None)]
        self.gate = asyncio.Event()
        self.gate.set()

    async def send(self, request: EncodedLogs) -> list[Part]:
        self.requests.append(request)
        await self.gate.wait()
        return self.answer(request)

    @property
    def bodies(self) -> list[list[Any]]:
        return [[record.body for record in request.records()] for request in self.requests]


def branch_of(host: Host | None = None, name: str = "d", **settings: Any) -> Any:
    made: Any = Branch(
        BranchSettings(name, **{"max_bytes": ALL, **settings}), object(), Sender(), threading.RLock(), host or Host()
    )  # type: ignore[arg-type]
    made.ready = True
    return made


def chunk_of(*severities: int, band: int | None = None, kind: Any = PythonChunk, size: int = 1 << 16) -> Any:
    """Give a chunk of records with bodies 0, 1, 2 ..."""
    chunk = kind(size, severity_band(severities[0] if severities else 9) if band is None else band)
    for number, severity in enumerate(severities):
        payload = record_payload(Record(body=number, severity_number=severity, timestamp=1), EncodePlan())
        chunk.append(delimited(b"\x12", payload), severity, SCOPE)
    return chunk


def held(branch: Any, *severities: int, **options: Any) -> Any:
    """Give a chunk that a branch has been charged for and offered."""
    chunk = chunk_of(*severities, **options)
    chunk.owner = Ticket(chunk, [branch], [])
    branch.offer(chunk)
    return chunk


def waiting(branch: Any) -> list[tuple[Any, int, int]]:
    return [tuple(segment) for segment in branch.waiting]  # type: ignore[misc]


def account(branch: Any) -> dict[str, Any]:
    """Give a branch's counters, by severity where there are some."""
    ledger = branch.ledger

    def shown(lanes: Lanes) -> dict[int, int]:
        return {lane: number for lane, number in enumerate(lanes.lanes) if number}

    return {
        "delivered": shown(ledger.delivered),
        "filtered": shown(ledger.filtered),
        "dropped": {reason: shown(lanes) for reason, lanes in ledger.dropped.items()},
        "failed": {reason: shown(lanes) for reason, lanes in ledger.failed.items()},
        "in_flight": shown(branch.in_flight()),
    }


async def drained(branch: Any) -> None:
    branch.pump()
    await asyncio.wait_for(branch.idle(), 5)
