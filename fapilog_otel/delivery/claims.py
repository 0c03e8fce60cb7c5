"""Who holds which chunk: a ticket a chunk, a hold for each branch that was charged for it.

Everything here changes under the buffer's lock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fapilog_otel.delivery.fanout import Branch
    from fapilog_otel.model.chunk import ChunkLike
    from fapilog_otel.telemetry.accounting import Lanes


class BranchHost(Protocol):
    """Whom a branch tells, under the lock, what became free."""

    def on_release(self, hold: Hold) -> None:
        """Learn that a branch has finished with a chunk."""

    def on_settled(self) -> None:
        """Learn that records are done with."""


@dataclass(frozen=True, slots=True)
class BranchSettings:
    """How a destination is fed.

    Args:
        name: Destination name.
        max_bytes: Allocated bytes of chunks it may hold.
        max_request_size: Bytes of records a request; a single larger record makes a request of its own.
        max_batch: Records a request.
        max_in_flight: Requests under way at once.
        copies: How often a request under way is in memory beside the chunks it is of.
        optional: Whether the others neither wait for it nor are judged by it.
        level: Lowest severity number it takes; 0: all. Records without severity always pass.
    """

    name: str
    max_bytes: int
    max_request_size: int = 262_144
    max_batch: int = 1 << 31
    max_in_flight: int = 1
    copies: int = 0
    optional: bool = False
    level: int = 0


class Hold:
    """A branch's claim on a chunk, from the moment the chunk is handed out until its last record is settled."""

    __slots__ = ("branch", "chunk", "lost", "settled", "settled_lanes", "successors")

    def __init__(self, branch: Branch, chunk: ChunkLike) -> None:
        self.branch = branch
        self.chunk = chunk
        self.settled = 0
        self.settled_lanes: Lanes | None = None  # made at the first settling
        self.lost = 0
        self.successors: list[Hold] = []  # what deferred stages made of it

    def done(self) -> bool:
        """Tell whether every record of it, and of what stages made of it, is settled."""
        return self not in self.branch.holds and all(hold.done() for hold in self.successors)

    def lost_total(self) -> int:
        """Count the records of it, and of what stages made of it, that were lost."""
        return self.lost + sum(hold.lost_total() for hold in self.successors)

    def in_flight(self, lanes: Lanes) -> None:
        """Add the records not yet settled, counted from the chunk."""
        lanes.add(self.chunk.severity_counts(0, self.chunk.count))
        if self.settled_lanes is not None:
            lanes.add_lanes([-number for number in self.settled_lanes.lanes])


class Ticket:
    """Who holds a chunk, and who had no room for it.

    Args:
        chunk: The chunk.
        takers: Branches that were charged for it.
        missed: Branches that were full when it was handed out: its records are dropped for them.
    """

    __slots__ = ("chunk", "holds", "missed")

    def __init__(self, chunk: ChunkLike, takers: Iterable[Branch], missed: Iterable[Branch]) -> None:
        self.chunk = chunk
        self.holds = {branch: Hold(branch, chunk) for branch in takers}
        self.missed = tuple(missed)
        for branch, hold in self.holds.items():
            branch.charge(hold)
        for branch in self.missed:
            branch.missing.add(self)

    def held(self) -> bool:
        """Tell whether any branch still holds the chunk."""
        return any(hold in branch.holds for branch, hold in self.holds.items())
