"""The bounded queue of chunks: who may have a new one, what makes room, who waits.

A destination is charged for every allocated chunk that it has not finished with, open ones included; there is no second
bound. Full: the lowest waiting band goes first (``drop``), or the caller waits a bounded time (``block``).
"""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, TypeVar

from fapilog_otel.buffer.pool import ChunkPool
from fapilog_otel.buffer.waiting import must_not_wait
from fapilog_otel.delivery.claims import Ticket

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fapilog_otel.delivery.claims import Hold
    from fapilog_otel.delivery.fanout import Branch
    from fapilog_otel.encode.emit import EmitCore
    from fapilog_otel.model.chunk import Chunk

T = TypeVar("T")

MIN_CHUNK = 4096
_POLL = 0.005  # s between looks for room on an event loop
_CHUNKS_IN_BOUND = 16  # so that a small bound still holds several chunks of every band


def chunk_size_for(wanted: int, max_bytes: int) -> int:
    """Give the chunk size that lets a bound of ``max_bytes`` hold a useful number of chunks."""
    return max(MIN_CHUNK, min(wanted, max_bytes // _CHUNKS_IN_BOUND))


def required(branches: Sequence[Branch]) -> list[Branch]:
    """Give the branches that others wait for: the non-optional ones, or all where every one is optional."""
    return [branch for branch in branches if not branch.settings.optional] or list(branches)


class ChunkQueue:
    """Hands out chunks within the destinations' bounds; the emit core's host.

    Args:
        lock: The re-entrant lock of all accounts.
        chunk_size: Bytes of records a chunk.
        block_timeout: Seconds that a log call may wait for room; 0: never, the ``drop`` policy.
        wake: Wakes the pipeline thread.
        collect: Moves sealed chunks to the branches, so that they can be evicted from there.
        ensure: Starts the pipeline thread where it does not run yet (a forked child).
    """

    def __init__(
        self,
        lock: threading.RLock,  # type: ignore[valid-type,unused-ignore]
        *,
        chunk_size: int,
        block_timeout: float,
        wake: Callable[[], None],
        collect: Callable[[], None],
        ensure: Callable[[], None],
    ) -> None:
        self.branches: Sequence[Branch] = ()
        self.lock = lock
        self.pool = ChunkPool(chunk_size, keep=16, ready=4)
        self.chunk_size = chunk_size
        self.chunk_cost = chunk_size + chunk_size // 8  # with its index
        self.block_timeout = block_timeout
        self.core: EmitCore | None = None
        self.wake = wake
        self.closed = False
        self._collect = collect
        self._ensure = ensure
        self._room = threading.Condition(lock)
        self._exhausted = False
        self._inside = 0  # thread that is handing out a chunk
        self._required: Sequence[Branch] = ()

    def attach(self, core: EmitCore, branches: Sequence[Branch]) -> None:
        """Connect the queue with the emit core that it hosts and with all destinations."""
        self.core = core
        self.branches = branches
        self._required = required(branches)

    # -- the emit core's host ------------------------------------------------------------------------------------------

    def acquire(self, band: int, need: int, may_wait: bool) -> Chunk | None:
        """Give an empty chunk for a record of ``need`` bytes, or None: no room.

        May be called from anywhere, even re-entered by a finaliser while the lock is held by the same thread.
        """
        if self.closed:
            return None
        self._ensure()
        size = max(need, self.chunk_size)
        chunk = self._try(band, size)
        if chunk is None and may_wait and self._may_block():
            chunk = self._wait(lambda: self._try(band, size))
        return chunk

    def release(self, chunk: Chunk) -> None:
        """Take back a chunk that was never written to."""
        with self.lock:
            ticket: Ticket = chunk.owner  # type: ignore[assignment,unused-ignore]
            for branch in ticket.missed:
                branch.missing.discard(ticket)
            for branch, hold in ticket.holds.items():
                branch.release(hold)

    def await_count(self, band: int) -> bool:
        """Under ``max_queue_size``: make or await room for one more record; False: drop it."""
        core = self.core
        if core is None:
            return False

        def room() -> bool | None:
            if self.block_timeout <= 0:
                with self.lock:
                    self._collect()
                    for branch in self._required:
                        branch.evict(band)
            return core.stored_total() - core.settled_total < core.count_limit or None

        if room():
            return True
        self.wake()
        return self._may_block() and self._wait(room) is not None

    async def await_room(self) -> None:
        """Under ``block``: wait for room on an event loop, at most ``block_timeout``."""
        if self.block_timeout <= 0 or self._exhausted or not self.full():
            return
        deadline = time.monotonic() + self.block_timeout
        while self.full():
            self.wake()
            left = deadline - time.monotonic()
            if left <= 0:
                self._exhausted = True
                return
            await asyncio.sleep(min(left, _POLL))

    def full(self) -> bool:
        """Tell whether every destination that counts is without room for one more chunk, or for one more record."""
        core = self.core
        if core is not None and core.count_limit and core.stored_total() - core.settled_total >= core.count_limit:
            return True
        return not any(branch.has_room(self.chunk_cost) for branch in self._required)

    # -- room ----------------------------------------------------------------------------------------------------------

    def _try(self, band: int, size: int) -> Chunk | None:
        with self.lock:
            if self._inside:  # re-entered: only what needs no eviction
                return self._hand_out(band, size, evict=False)
            self._inside = threading.get_ident()
            try:
                return self._hand_out(band, size, evict=self.block_timeout <= 0)
            finally:
                self._inside = 0

    def _hand_out(self, band: int, size: int, *, evict: bool) -> Chunk | None:
        cost = size + size // 8
        takers = [branch for branch in self.branches if self._fits(branch, band, cost, evict)]
        if not any(branch in takers for branch in self._required):
            return None
        chunk = self.pool.get(size, band)
        chunk.owner = Ticket(chunk, takers, [branch for branch in self.branches if branch not in takers])
        return chunk

    def _fits(self, branch: Branch, band: int, cost: int, evict: bool) -> bool:
        if branch.has_room(cost):
            return True
        if not evict:
            return False
        self._collect()
        while not branch.has_room(cost):
            if not branch.evict(band):
                return False
        return True

    def _may_block(self) -> bool:
        # Another thread may be inside just now, and that is no reason to drop a record here.
        reentered = self._inside == threading.get_ident()
        return self.block_timeout > 0 and not self._exhausted and not reentered and not must_not_wait()

    def _wait(self, attempt: Callable[[], T | None]) -> T | None:
        deadline = time.monotonic() + self.block_timeout
        while True:
            self.wake()
            with self._room:
                left = deadline - time.monotonic()
                if left <= 0:
                    self._exhausted = True  # no further waits until room has appeared once
                    return None
                self._room.wait(left)
            found = attempt()
            if found is not None:
                return found

    def on_release(self, hold: Hold) -> None:
        """Learn, under the lock, that a branch has finished with a chunk."""
        ticket: Ticket = hold.chunk.owner  # type: ignore[attr-defined]
        if not any(other in branch.holds for branch, other in ticket.holds.items()):
            self.pool.put(hold.chunk)
        self._exhausted = False
        self._room.notify_all()

    def on_settled(self) -> None:
        """Learn, under the lock, that records are done with (``max_queue_size`` counts them)."""
        core = self.core
        if core is not None and core.count_limit:
            core.settled_total = min(branch.settled_records for branch in self._required)
            self._exhausted = False
            self._room.notify_all()
