"""Deferred stages: sealed chunks are decoded on the loop, the stages run, what is left is encoded again."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from fapilog_otel.contracts import EncodedLogs
from fapilog_otel.contracts.encoded_logs import Segment
from fapilog_otel.delivery.claims import Ticket
from fapilog_otel.encode.writer import chunks_from_records

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from fapilog_otel.model.record import Record
    from fapilog_otel.pipeline.chain import Chain


class Staging:
    """Chunks on their way through the deferred stages, one at a time and in order.

    Args:
        chain: The compiled pipeline.
        lock: The buffer's lock.
    """

    def __init__(self, chain: Chain, lock: AbstractContextManager[object]) -> None:
        self.active = bool(chain.deferred)
        self.waiting: deque[Any] = deque()
        self.running = False
        self._chain = chain
        self._lock = lock
        self._plan = chain.deferred_plan

    async def run(self, offered: Callable[[], None]) -> None:
        """Work until nothing waits.

        Args:
            offered: Called after each chunk whose records went on to the branches.
        """
        if self.running:
            return
        self.running = True
        try:
            while self.waiting:
                chunk = self.waiting.popleft()
                ticket: Ticket | None = chunk.owner
                if ticket is None:  # given up by a shutdown in the meantime
                    continue
                records = EncodedLogs([Segment(chunk, 0, chunk.count)]).records()
                results = await self._chain.run_deferred(records)
                self._replace(ticket, records, results)
                offered()
        finally:
            self.running = False

    def _replace(self, old: Ticket, records: Sequence[Record], results: Sequence[Record | None]) -> None:
        kept = [record for record in results if record is not None]
        filtered: dict[int, int] = {}
        for record, result in zip(records, results, strict=True):
            if result is None:
                filtered[record.severity_number] = filtered.get(record.severity_number, 0) + 1
        encoded = chunks_from_records(kept, self._plan)
        with self._lock:
            live = [branch for branch, hold in old.holds.items() if hold in branch.holds]
            for new in encoded:
                new.owner = ticket = Ticket(new, live, ())
                for branch in live:
                    old.holds[branch].successors.append(ticket.holds[branch])
            for branch in live:
                branch.ledger.filtered.add(filtered)
                branch.settled_records += sum(filtered.values())
                branch.release(old.holds[branch])
            for new in encoded:
                for branch in live:
                    branch.offer(new)

    def give_up(self, reason: str) -> None:
        """Drop all that waits, counted."""
        with self._lock:
            while self.waiting:
                chunk = self.waiting.popleft()
                for branch, hold in tuple(chunk.owner.holds.items()):
                    if hold in branch.holds:
                        branch.drop(Segment(chunk, 0, chunk.count), reason)
