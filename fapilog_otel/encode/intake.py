"""Where records go in the Python encoder: the open chunk of their severity's band, exactly once, and without a lock.

A signal handler, a finaliser or another thread gets in only where something is called, where a container is made (the
garbage collector), or where the code jumps. So a record is made whole in local variables; then, with none of the three
in between, its chunk is looked at, takes the record by one ``+=``, and the record is counted. Chunks change hands in
the same way. ``tests/unit/encode/test_python_sections.py`` reads the bytecode.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, Protocol

from fapilog_otel.model.severity import MAX_SEVERITY, severity_band

if TYPE_CHECKING:
    from typing import TypeAlias

    from fapilog_otel.model.chunk import Chunk
    from fapilog_otel.model.scope import Scope

    Entry: TypeAlias = tuple[bytes, int, Scope]  # a record with tag and length, its severity, its scope

LANES: Final = MAX_SEVERITY + 2  # severity numbers 0-24, and one lane for what has no severity (a partial success)
BANDS: Final = tuple(severity_band(number) for number in range(LANES))
ATTEMPTS: Final = 1000  # to find room for a record, while many others fill what was made for it
_NO_LIMIT = 1 << 62


class EmitHost(Protocol):
    """What an emit core needs of the buffer."""

    def acquire(self, band: int, need: int, may_wait: bool) -> Chunk | None:
        """Give an empty chunk for records of ``band`` with room for ``need`` bytes; None: drop the record."""

    def release(self, chunk: Chunk) -> None:
        """Take back an acquired chunk that is not needed after all."""

    def await_count(self, band: int) -> bool:
        """Under a bound on records: wait for room as the policy says, or make some; False: drop the record."""
        ...

    def wake(self) -> None:
        """Learn that a chunk was sealed."""


class ChunkIntake:
    """The open chunks of an emit core, one a severity band, and the counts of what went into them or did not.

    Args:
        host: Where chunks come from and whom to wake.
    """

    def __init__(self, host: EmitHost) -> None:
        self.sealed: deque[Chunk] = deque()
        self.count_limit = 0
        self.seal_count = 0
        self.settled_total = 0
        self._host = host
        self._open: list[Chunk | None] = [None] * 4
        self._submitted = [0] * LANES
        self._filtered = [0] * LANES
        self._dropped: dict[str, list[int]] = {}
        self._stored = 0
        self._changes = 0

    # -- counters ------------------------------------------------------------------------------------------------------

    @property
    def ops(self) -> int:
        """Changes so far, records and chunks; what was read between two equal answers belongs together."""
        return self._stored + self._changes

    def submitted_counts(self) -> list[int]:
        """Records submitted so far, by severity lane."""
        return list(self._submitted)

    def filtered_counts(self) -> list[int]:
        """Records that an inline stage filtered out, by severity lane."""
        return list(self._filtered)

    def dropped_counts(self) -> dict[str, list[int]]:
        """Records dropped before any chunk took them, by reason and severity lane."""
        return {reason: list(lanes) for reason, lanes in self._dropped.items()}

    def _count_dropped(self, severity: int, reason: str) -> None:
        lanes = self._dropped.get(reason)
        if lanes is None:
            lanes = self._dropped.setdefault(reason, [0] * LANES)
        lanes[severity] += 1
        self._submitted[severity] += 1
        self._changes += 1

    def _count_filtered(self, severity: int) -> None:
        self._filtered[severity] += 1
        self._submitted[severity] += 1
        self._changes += 1

    # -- storing -------------------------------------------------------------------------------------------------------

    def _admit(self, entry: Entry) -> None:
        """Put a record into its band's open chunk, and count it.

        Outside of all that contains errors: what a signal handler raises after the record was stored is the
        application's own, and must not count the record a second time.
        """
        record, severity, _ = entry
        need = len(record)
        counts = self._submitted
        chunk = self._open[BANDS[severity]]
        # No call, no new container and no jump from here to the return: see above.
        if chunk is not None and need <= chunk.room and not self.count_limit and not self.seal_count:
            chunk.entries += entry
            chunk.room -= need
            counts[severity] += 1
            self._stored += 1
            return
        for _ in range(ATTEMPTS):
            if self._admit_bounded(entry, need, BANDS[severity]):
                return
            if not self._make_room(need, BANDS[severity], severity):
                return
        self._count_dropped(severity, "queue_full")

    def _admit_bounded(self, entry: Entry, need: int, band: int) -> bool:
        """Store as above, also where records are counted against a bound; False: there is no room."""
        limit = self.count_limit or _NO_LIMIT
        severity = entry[1]
        counts = self._submitted
        chunk = self._open[band]
        if chunk is not None and need <= chunk.room and self._stored - self.settled_total < limit:
            chunk.entries += entry
            chunk.room -= need
            counts[severity] += 1
            self._stored += 1
        else:
            return False
        if self.seal_count and chunk.count >= self.seal_count:
            self._seal(band, chunk)
            self._host.wake()
        return True

    def _make_room(self, need: int, band: int, severity: int) -> bool:
        """Open a chunk, or wait until records are done with; False: neither, the record is dropped and counted."""
        try:
            if self._count_full():
                found = self._host.await_count(band)
            else:
                fresh = self._host.acquire(band, need, True)
                found = fresh is not None
                if fresh is not None:
                    self._install(band, fresh, need)
        except Exception:  # noqa: BLE001 - the promise of a log call: counted, never raised
            self._count_dropped(severity, "encode_error")
            return False
        if not found:
            self._count_dropped(severity, "queue_full")
        return found

    def _count_full(self) -> bool:
        return self.count_limit > 0 and self._stored - self.settled_total >= self.count_limit

    def _seal(self, band: int, chunk: Chunk) -> None:
        """Seal a chunk unless somebody else has done so."""
        sealed = self.sealed
        if self._open[band] is chunk:
            self._open[band] = None
            self._changes += 1
            sealed.append(chunk)

    def _install(self, band: int, fresh: Chunk, need: int) -> None:
        """Open a fresh chunk in place of one that is too full; give it back where another call has opened one."""
        sealed = self.sealed
        old = self._open[band]
        if old is not None and need > old.room:  # nothing comes in between from here to the sealing
            self._open[band] = fresh
            self._changes += 1
            if old.room < old.size:
                sealed.append(old)
                self._host.wake()
            else:  # too small for this record, and nobody has written to it yet
                self._host.release(old)
        elif self._open[band] is None:
            self._open[band] = fresh
            self._changes += 1
        else:
            self._host.release(fresh)

    # -- sealing -------------------------------------------------------------------------------------------------------

    def seal_open(self) -> None:
        """Seal every open chunk that holds a record (flush, timer, shutdown)."""
        for band, chunk in enumerate(self._open):
            if chunk is not None and chunk.room < chunk.size:
                self._seal(band, chunk)

    def stored_total(self) -> int:
        """Records written into chunks so far."""
        return self._stored

    def open_records(self) -> int:
        """Records in open chunks."""
        return sum(chunk.count for chunk in self._open if chunk is not None)

    def drop_open(self) -> list[Chunk]:
        """Give up the open chunks, empty ones included (shutdown, a forked child)."""
        nothing: list[Chunk | None] = [None] * len(self._open)
        chunks, self._open = self._open, nothing
        self._changes += 1
        return [chunk for chunk in chunks if chunk is not None]
