"""One branch a destination: what it still holds of the shared chunks, and the requests it has under way.

    chunk ──► Ticket ──► Hold (branch A) ──► waiting ──► request ──► Sender ──► settled, counted
                    └──► Hold (branch B) ──► ...                      a slow branch holds back no other

Every change of a branch's accounts happens under the buffer's lock, which is never held across user code or an await.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from fapilog_otel.contracts import EncodedLogs
from fapilog_otel.contracts.encoded_logs import Segment
from fapilog_otel.telemetry.accounting import UNKNOWN_LANE, Lanes, Ledger

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from contextlib import AbstractContextManager

    from fapilog_otel.contracts import Exporter
    from fapilog_otel.delivery.chain import Sender
    from fapilog_otel.delivery.claims import BranchHost, BranchSettings, Hold, Ticket
    from fapilog_otel.delivery.split import Part
    from fapilog_otel.model.chunk import ChunkLike


SHUTDOWN: Final = "shutdown"
"""The reason of records given up because their time had run out, on the wire or not."""


class Branch:
    """A destination's queue, accounts and requests.

    Args:
        settings: How it is fed.
        exporter: Its transport; a blocking one inside a runner.
        sender: The delivery chain around the exporter.
        lock: The buffer's re-entrant lock.
        host: Told what became free.
    """

    def __init__(
        self,
        settings: BranchSettings,
        exporter: Exporter,
        sender: Sender,
        lock: AbstractContextManager[object],
        host: BranchHost,
    ) -> None:
        self.settings = settings
        self.name = settings.name
        self.exporter = exporter
        self.sender = sender
        self.ledger = Ledger(settings.name, optional=settings.optional)
        self.recovered = Lanes()  # records that an earlier process left in the spool
        self.holds: set[Hold] = set()
        self.missing: set[Ticket] = set()
        self.waiting: deque[Segment] = deque()
        self.charged = 0
        self._copied = 0  # bytes of requests under way that the transport holds besides
        self.settled_records = 0
        self.ready = False  # the exporter has started
        self.paused = False  # a fork is at hand
        self.opening: asyncio.Task[None] | None = None
        self.opening_error: tuple[float, str] | None = None  # Unix seconds and text, while its exporter cannot start
        self.records_under_way = 0
        self.abandoned = False
        self._lock = lock
        self._host = host
        # Requests under way, the bytes of their chunks, and those of the transport's copies.
        self._tasks: dict[asyncio.Task[None], tuple[int, int]] = {}
        self._unbegun: dict[asyncio.Task[None], Any] = {}  # what those have that have not made their first step

    # -- accounts (under the lock) -----------------------------------------------------------------------------------

    def charge(self, hold: Hold) -> None:
        """Begin to hold a chunk."""
        self.holds.add(hold)
        self.charged += hold.chunk.allocated

    def has_room(self, size: int) -> bool:
        """Tell whether a chunk of ``size`` allocated bytes may still be taken."""
        copied = min(self._copied, self.settings.max_bytes // 2)  # a small queue must not be closed by one request
        return self.charged + copied + size <= self.settings.max_bytes

    def settle(self, segment: Segment, lost: bool) -> None:
        """Mark records as done with; the outcome has been counted by the caller."""
        ticket: Ticket = segment.chunk.owner  # type: ignore[attr-defined]
        hold = ticket.holds[self]
        count = segment.hi - segment.lo
        hold.settled += count
        if lost:
            hold.lost += count
        if hold.settled < hold.chunk.count:
            if hold.settled_lanes is None:
                hold.settled_lanes = Lanes()
            hold.settled_lanes.add(segment.chunk.severity_counts(segment.lo, segment.hi))
        self.settled_records += count
        self._host.on_settled()
        if hold.settled >= hold.chunk.count:
            self.release(hold)  # from now on nobody asks what of it is in flight

    def release(self, hold: Hold) -> None:
        """End a hold and give its bytes back."""
        self.holds.discard(hold)
        self.charged -= hold.chunk.allocated
        ticket: Ticket = hold.chunk.owner  # type: ignore[attr-defined]
        self._host.on_release(hold)
        if not ticket.held():  # they refer to each other, and a chunk's memory must not wait for the garbage collector
            hold.chunk.owner = None  # type: ignore[attr-defined]

    def recharge(self, before: int, after: int) -> None:
        """Follow a chunk that was moved to a smaller block."""
        self.charged += after - before

    def offer(self, chunk: ChunkLike) -> None:
        """Queue a sealed chunk; what is below the branch's level is filtered out at once."""
        for segment in self._admitted(chunk):
            self.waiting.append(segment)

    def _admitted(self, chunk: ChunkLike) -> list[Segment]:
        whole = Segment(chunk, 0, chunk.count)
        level = self.settings.level
        if not level or all(severity == 0 or severity >= level for severity in chunk.severity_counts(0, chunk.count)):
            return [whole]
        admitted: list[Segment] = []
        for index in range(chunk.count):
            one = Segment(chunk, index, index + 1)
            (severity,) = chunk.severity_counts(index, index + 1)
            if severity and severity < level:
                self.ledger.filtered.add({severity: 1})
                self.settle(one, lost=False)
            elif admitted and admitted[-1].hi == index:
                admitted[-1] = Segment(chunk, admitted[-1].lo, index + 1)
            else:
                admitted.append(one)
        return admitted

    def evict(self, band: int) -> bool:
        """Drop the lowest, then oldest waiting segment of at most this band; False: there is none."""
        victim = min(
            (segment for segment in list(self.waiting) if segment.chunk.band <= band),
            key=lambda segment: segment.chunk.band,
            default=None,
        )
        if victim is None:
            return False
        try:
            self.waiting.remove(victim)
        except ValueError:  # a signal handler that logs has evicted it meanwhile: there is room
            return True
        self.drop(victim, "queue_full")
        return True

    def drop(self, segment: Segment, reason: str) -> None:
        """Give up waiting records, counted."""
        self.ledger.drop(reason, segment.chunk.severity_counts(segment.lo, segment.hi))
        self.settle(segment, lost=True)

    def in_flight(self) -> Lanes:
        """Count the records in chunks that the branch holds."""
        lanes = Lanes()
        for hold in list(self.holds):  # as it is now: a signal handler may log meanwhile, under the same lock
            hold.in_flight(lanes)
        return lanes

    def queued(self) -> int:
        """Count the same without their severities."""
        return sum(hold.chunk.count - hold.settled for hold in self.holds)

    def spool_depth(self) -> tuple[int, int] | None:
        """Give the records and bytes in its spool; None: it has none."""
        return None

    def missed(self) -> Lanes:
        """Count the records in chunks not yet adopted that the branch had no room for."""
        lanes = Lanes()
        for ticket in list(self.missing):
            lanes.add(ticket.chunk.severity_counts(0, ticket.chunk.count))
        return lanes

    # -- requests (on the loop) --------------------------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Whether requests are under way."""
        return bool(self._tasks)

    @property
    def requests_under_way(self) -> int:
        """Requests being sent, or waiting for their next attempt."""
        return len(self._tasks)

    def pump(self) -> None:
        """Start as many requests as may be under way."""
        while self.ready and not self.paused and self.waiting and self._may_begin():
            request = self._next_request()
            if request is None:
                return
            held = sum({id(segment.chunk): segment.chunk.allocated for segment in request.segments}.values())
            self._start(self._deliver(request), request, held, request.size * self.settings.copies)

    def _start(self, delivery: Coroutine[Any, Any, None], work: Any, held: int, copied: int) -> None:
        """Begin a delivery; ``work`` is what `_unsent` gets if it is cancelled before its first step."""
        task = asyncio.get_running_loop().create_task(delivery)
        self._tasks[task] = (held, copied)
        self._copied += copied
        self._unbegun[task] = work
        task.add_done_callback(self._finished)

    def _began(self) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._unbegun.pop(task, None)

    def _may_begin(self) -> bool:
        # What is in a request cannot be given up for what is more severe: requests never take more than half the queue,
        # the next one reckoned as large as the largest, but for a single one.
        sizes = [held + copied for held, copied in self._tasks.values()]
        room = not sizes or sum(sizes) + max(sizes) <= self.settings.max_bytes // 2
        return room and len(sizes) < self.settings.max_in_flight

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._copied -= self._tasks.pop(task, (0, 0))[1]
        work = self._unbegun.pop(task, None)
        if work is not None:
            self._unsent(work)
        self.pump()

    def _unsent(self, work: Any) -> None:
        if self.paused:
            self._wait_again(work)
        else:
            self._settle_cancelled(work)

    def _next_request(self) -> EncodedLogs | None:
        bytes_left, records_left = self.settings.max_request_size, self.settings.max_batch
        segments: list[Segment] = []
        with self._lock:
            while self.waiting and bytes_left > 0 and records_left > 0:
                chunk, lo, hi = self.waiting[0]
                end = min(hi, chunk.cut(lo, bytes_left, records_left))
                size = chunk.offset(end) - chunk.offset(lo)
                if segments and size > bytes_left:
                    break
                self.waiting.popleft()
                if end < hi:
                    self.waiting.appendleft(Segment(chunk, end, hi))
                segments.append(Segment(chunk, lo, end))
                bytes_left -= size
                records_left -= end - lo
        return EncodedLogs(segments) if segments else None

    async def _deliver(self, request: EncodedLogs) -> None:
        self._began()
        self.records_under_way += request.count
        try:
            parts = await self.sender.send(request)
        except asyncio.CancelledError:
            self._unsent(request)
            raise
        finally:
            self.records_under_way -= request.count
        with self._lock:
            if not self.abandoned:
                for part in parts:
                    self._settle_part(part)

    def _wait_again(self, request: EncodedLogs) -> None:
        with self._lock:
            self.waiting.extendleft(reversed(request.segments))

    def _settle_cancelled(self, request: EncodedLogs) -> None:
        with self._lock:
            if self.abandoned:
                return
            self.ledger.drop(SHUTDOWN, request.severity_counts())
            for segment in request.segments:
                self.settle(segment, lost=True)

    def _settle_part(self, part: Part) -> None:
        lost = self.count(part)
        for segment in part.request.segments:
            self.settle(segment, lost=lost)

    def count(self, part: Part) -> bool:
        """Count what became of a part of a request, under the lock; tell whether any record of it was lost."""
        request, result, error = part
        rejected = 0 if result is None else min(max(result.rejected, 0), request.count)
        if error is not None and error.reason == SHUTDOWN:
            self.ledger.drop(SHUTDOWN, request.severity_counts())
        elif error is not None:
            self.ledger.fail(error.reason, request.severity_counts())
        elif rejected:  # the reply does not say which, so neither side has a severity
            self.ledger.fail("rejected", {UNKNOWN_LANE: rejected})
            self.ledger.delivered.add({UNKNOWN_LANE: request.count - rejected})
        else:
            self.ledger.delivered.add(request.severity_counts())
        return error is not None or rejected > 0

    async def idle(self) -> None:
        """Wait until no request is under way."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    async def cancel(self, timeout: float) -> None:
        """End the requests under way; their records count as dropped by shutdown, or wait again where it is paused.

        Args:
            timeout: Seconds to wait for a transport that is slow to give up.
        """
        tasks = set(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=timeout)

    def give_up_waiting(self, reason: str) -> None:
        """Drop all that waits (shutdown's deadline), counted."""
        with self._lock:
            while self.waiting:
                self.drop(self.waiting.popleft(), reason)

    def abandon(self) -> None:
        """Give up whatever is still held, on the wire included: shutdown's time is over and the loop has not answered.

        Its records count as dropped by shutdown; what a request under way may still achieve is not counted any more.
        """
        with self._lock:
            self.abandoned = True
            self.waiting.clear()
            for hold in tuple(self.holds):
                lanes = Lanes()
                hold.in_flight(lanes)
                self.ledger.dropped.setdefault(SHUTDOWN, Lanes()).add_lanes(lanes.lanes)
                hold.lost += lanes.total()
                self.release(hold)
