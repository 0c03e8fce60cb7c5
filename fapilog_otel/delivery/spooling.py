"""A branch with a spool: what is written to disk and when, what is sent from there, and the accounts of both.

::

    write-ahead   waiting ──► put ──► sent from memory, its row beside it ──► taken: row deleted
                               └────► no free slot: sent later, from its row
    spill         waiting ──► sent from memory; above half the byte bound, at flush and at shutdown ──► put

A row counts as in flight until the destination has taken it. Where the spool cannot write, requests are sent straight
from memory, as without one, until it can again.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

from fapilog_otel.delivery.fanout import SHUTDOWN, Branch
from fapilog_otel.errors import FapilogOtelError
from fapilog_otel.telemetry.accounting import Lanes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Future

    from fapilog_otel.contracts import EncodedLogs
    from fapilog_otel.delivery.split import Part

    Reader: TypeAlias = Callable[[bytes, Mapping[int, int]], EncodedLogs]

MAX_TAKEN: Final = 1024
"""Rows that are read back at once, at most; what they may hold together is the requests that may begin."""

MAX_PUTS: Final = 8
"""Requests on their way to the disk at once: enough for one commit to take several."""

LOOK_AGAIN: Final = 1.0
"""Seconds between two tries of a spool that could not write."""


class Store(Protocol):
    """What a branch needs of a spool; see ``delivery/spool``."""

    def put(self, destination: str, body: tuple[bytes | memoryview, ...], lanes: Mapping[int, int]) -> Future[Any]:
        """Write a request; done with its row once that is durable."""
        ...

    def take(self, destination: str, limit: int, max_bytes: float) -> Future[list[tuple[Any, bytes]]]:
        """Read the oldest rows that nobody has taken."""
        ...

    def give_back(self, row: Any) -> None:
        """Let a row be taken again."""
        ...

    def delete(self, row: Any) -> None:
        """Forget a row that was delivered or given up."""
        ...

    def depth(self, destination: str) -> tuple[int, int]:
        """Give the rows and bytes that are stored for a destination."""
        ...


class _Delivery:
    """A request under way: from memory alone, or with rows on disk as well."""

    __slots__ = ("attaching", "done", "request", "rows")

    def __init__(self, request: EncodedLogs, rows: Sequence[Any] = ()) -> None:
        self.request = request
        self.rows = rows
        self.attaching = False
        self.done = False


class SpooledBranch(Branch):
    """A destination's queue, accounts and requests, with a spool behind them.

    Args:
        store: The spool.
        write_ahead: Whether every request is on disk before it is sent; otherwise only what memory has no room for.
        read: Makes a request of encoded bytes and of the number of records by severity number.
        *args: As for `Branch`.
    """

    def __init__(
        self, *args: Any, store: Store, write_ahead: bool, read: Callable[[bytes, Mapping[int, int]], EncodedLogs]
    ) -> None:
        super().__init__(*args)
        self.stored = Lanes()  # records on disk
        self.stored_ever = 0
        self.unstored_ever = 0
        self.given_up = False  # at shutdown the destination failed: the rest stays on disk
        self._store = store
        self._write_ahead = write_ahead
        self._read = read
        self._more = False  # the store has rows that nobody has taken
        self._taking = False
        self._persisting = False
        self._refused_until = 0.0
        self._disk: set[asyncio.Task[None]] = set()
        self._under_way: set[_Delivery] = set()
        self._storing_bytes = 0

    # -- accounts ------------------------------------------------------------------------------------------------------

    def in_flight(self) -> Lanes:
        """Count the records in chunks that the branch holds, and those on disk."""
        lanes = super().in_flight()
        lanes.add_lanes(self.stored.lanes)
        return lanes

    def adopt(self, lanes: Mapping[int, int]) -> None:
        """Count what an earlier process left on disk; from any thread."""
        with self._lock:
            self.recovered.add(lanes)
            self._stored(lanes)

    def lose(self, lanes: Mapping[int, int], reason: str) -> None:
        """Count what the spool had to give up; from any thread."""
        with self._lock:
            self.ledger.drop(reason, lanes)
            self._unstored(lanes)

    def spool_depth(self) -> tuple[int, int]:
        """Give the records and the bytes on disk."""
        with self._lock:
            return self.stored.total(), self._store.depth(self.name)[1]

    def _stored(self, lanes: Mapping[int, int]) -> None:
        self.stored.add(lanes)
        self.stored_ever += sum(lanes.values())

    def _unstored(self, lanes: Mapping[int, int]) -> None:
        self.stored.add({severity: -number for severity, number in lanes.items()})
        self.unstored_ever += sum(lanes.values())

    # -- what happens next (on the loop) -------------------------------------------------------------------------------

    @property
    def stuck(self) -> bool:
        """Whether waiting for the destination is of no use now: it fails, or was given up at shutdown."""
        return self.given_up or self.sender.health.consecutive_failures > 0

    def available(self) -> None:
        """Learn, on any thread, that the store has rows to take; a `pump` must follow."""
        self._more = True

    def healed(self) -> None:
        """Learn, on any thread, that the store can write; a `pump` must follow."""
        self._refused_until = 0.0

    def pump(self) -> None:
        """Start as many writes, reads and requests as may be under way."""
        while self.waiting and len(self._disk) < MAX_PUTS and not self._refused() and self._wants_disk():
            request = self._next_request()
            if request is None:
                break
            self._storing_bytes += _charge(request)
            self._on_disk(self._put(request))
        if not self.waiting:
            self._persisting = False
        if not self.paused:
            self._send_stored()
        if not self.given_up and (not self._write_ahead or self._refused()):
            super().pump()

    def persist(self) -> None:
        """Have all that is in memory written to disk, requests under way included."""
        self._persisting = True
        for delivery in tuple(self._under_way):
            if not delivery.rows and not delivery.attaching:
                delivery.attaching = True
                self._on_disk(self._attach(delivery))
        self.pump()

    def _refused(self) -> bool:
        return time.monotonic() < self._refused_until

    def _wants_disk(self) -> bool:
        above_half = self.charged - self._storing_bytes > self.settings.max_bytes // 2
        return self._write_ahead or self._persisting or above_half

    def _free_slots(self) -> int:
        if not self.ready or self.paused or self.given_up:
            return 0
        return self.settings.max_in_flight - len(self._tasks)

    def _next_request(self) -> EncodedLogs | None:
        """Give a request of one severity band, so that the spool can evict the lowest first."""
        with self._lock:
            if not self.waiting:
                return None
            band = self.waiting[0].chunk.band
            others = [segment for segment in self.waiting if segment.chunk.band != band]
            self.waiting = deque(segment for segment in self.waiting if segment.chunk.band == band)
            request = super()._next_request()
            self.waiting.extend(others)
            return request

    def _on_disk(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._disk.add(task)
        task.add_done_callback(self._disk.discard)

    # -- to the disk ---------------------------------------------------------------------------------------------------

    async def _put(self, request: EncodedLogs) -> None:
        try:
            row = await self._written(request)
        finally:
            self._storing_bytes -= _charge(request)
        if row is None:
            self._refuse(request)
        else:
            self._settle_durable(request)
            if self._free_slots() > 0 and self._in_order():
                self._begin(_Delivery(request, (row,)))
            else:
                self._give_back((row,))
        self.pump()

    async def _attach(self, delivery: _Delivery) -> None:
        row = await self._written(delivery.request)
        delivery.attaching = False
        if row is not None and delivery.done:
            self._store.delete(row)  # it has been settled meanwhile
        elif row is not None:
            self._settle_durable(delivery.request)
            delivery.rows = (row,)

    async def _written(self, request: EncodedLogs) -> Any:
        """Give the durable row of a request, or None: the spool cannot write now."""
        try:
            return await asyncio.wrap_future(self._store.put(self.name, request.body(), request.severity_counts()))
        except (FapilogOtelError, OSError, RuntimeError):  # announced by the spool, which heals by itself
            self._refused_until = time.monotonic() + LOOK_AGAIN
            return None

    def _refuse(self, request: EncodedLogs) -> None:
        if self.given_up:
            self._settle_cancelled(request)
        else:
            self._wait_again(request)

    def _in_order(self) -> bool:
        return self._write_ahead and not self._more and not self._taking

    def _settle_durable(self, request: EncodedLogs) -> None:
        with self._lock:
            if self.abandoned:
                return
            self._stored(request.severity_counts())
            for segment in request.segments:
                self.settle(segment, lost=False)

    # -- from the disk -------------------------------------------------------------------------------------------------

    def _send_stored(self) -> None:
        free = self._free_slots()
        if not self._more or self._taking or free <= 0:
            return
        if not self._write_ahead and self.waiting and any(one.rows for one in self._under_way):
            return  # memory and disk take turns
        self._taking, self._more = True, False
        self._on_disk(self._take(1 if self.waiting and not self._write_ahead else free))

    async def _take(self, requests: int) -> None:
        try:
            most = requests * self.settings.max_request_size
            found = await asyncio.wrap_future(self._store.take(self.name, MAX_TAKEN, most))
        except (FapilogOtelError, OSError, RuntimeError):
            found = []
        finally:
            self._taking = False
        self._more |= bool(found)  # until there was nothing
        for number, group in enumerate(self._together(found)):
            rows = [row for row, _ in group]
            if number < requests:
                self._begin(_Delivery(self._read(b"".join(body for _, body in group), _lanes_of(rows)), rows))
            else:
                self._give_back(rows)
        self.pump()

    def _together(self, found: Sequence[tuple[Any, bytes]]) -> list[list[tuple[Any, bytes]]]:
        """Put rows together for one request each: one encoded request after another is a request (protobuf)."""
        groups: list[list[tuple[Any, bytes]]] = []
        size = records = 0
        for row, body in found:
            size, records = size + len(body), records + row.records
            if not groups or size > self.settings.max_request_size or records > self.settings.max_batch:
                groups.append([])
                size, records = len(body), row.records
            groups[-1].append((row, body))
        return groups

    def _give_back(self, rows: Sequence[Any]) -> None:
        for row in rows:
            self._store.give_back(row)
        self._more = True

    # -- requests under way --------------------------------------------------------------------------------------------

    async def _deliver(self, request: EncodedLogs) -> None:
        await self._send(_Delivery(request))

    def _begin(self, delivery: _Delivery) -> None:
        self._start(self._send(delivery), delivery, 0, 0)  # what is on disk takes no memory of the queue

    async def _send(self, delivery: _Delivery) -> None:
        self._began()
        self._under_way.add(delivery)
        self.records_under_way += delivery.request.count
        try:
            parts = await self.sender.send(delivery.request)
        except asyncio.CancelledError:
            self._unsent(delivery)
            raise
        finally:
            self._under_way.discard(delivery)
            self.records_under_way -= delivery.request.count
        delivery.done = True
        if delivery.rows:
            self._settle_stored(delivery.rows, parts)
        else:
            self._settle_sent(parts)

    def _unsent(self, work: EncodedLogs | _Delivery) -> None:
        delivery = work if isinstance(work, _Delivery) else _Delivery(work)
        delivery.done = True
        if delivery.rows:
            self._give_back(delivery.rows)
        elif self.paused:
            self._wait_again(delivery.request)
        elif not self._keep(delivery.request):
            self._settle_cancelled(delivery.request)

    def _settle_sent(self, parts: list[Part]) -> None:
        with self._lock:
            for part in parts:
                shut_down = part.error is not None and part.error.reason == SHUTDOWN
                if not self.abandoned and not (shut_down and self._keep(part.request)):
                    self._settle_part(part)

    def _keep(self, request: EncodedLogs) -> bool:
        """At shutdown: write what could not be sent, and all that waits, to disk; False: that cannot be done."""
        self.given_up = True
        if self._refused() or self.abandoned:
            return False
        self._persisting = True
        self._storing_bytes += _charge(request)
        self._on_disk(self._put(request))
        self.pump()
        return True

    def _settle_stored(self, rows: Sequence[Any], parts: list[Part]) -> None:
        kept = False
        with self._lock:
            for part in parts:
                if part.error is not None and part.error.reason == SHUTDOWN:
                    kept = True
                else:
                    self.count(part)
                    self._unstored(part.request.severity_counts())
        if kept:
            self.given_up = True
            self._give_back(rows)
        else:
            for row in rows:
                self._store.delete(row)

    # -- the end -------------------------------------------------------------------------------------------------------

    async def cancel(self, timeout: float) -> None:
        """End everything under way; see `Branch.cancel`. What has a row stays on disk."""
        end = time.monotonic() + timeout
        await super().cancel(timeout)
        if self.paused:
            return  # a fork is at hand, which the disk does not mind
        while self._disk and (left := end - time.monotonic()) > 0:
            await asyncio.wait(set(self._disk), timeout=left, return_when=asyncio.FIRST_COMPLETED)
        for task in tuple(self._disk):
            task.cancel()


def _charge(request: EncodedLogs) -> int:
    """Give the share of the byte bound that a request's records take."""
    return sum(chunk.allocated * (hi - lo) // chunk.count for chunk, lo, hi in request.segments)


def _lanes_of(rows: Sequence[Any]) -> Mapping[int, int]:
    lanes: Counter[int] = Counter()
    for row in rows:
        lanes.update(row.lanes)
    return lanes
