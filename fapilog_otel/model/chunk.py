"""A chunk: encoded LogRecord messages end to end, with a side index of offset, severity and scope.

    data    | 0x12 len LogRecord | 0x12 len LogRecord | ...      exactly as they stand inside a ScopeLogs message
    index   | offset sev scope   | offset sev scope   | ...      about 16 bytes a record

A chunk is written by one emit core and is immutable once sealed. This is the plain Python form; the native one has the
same methods over a block of memory that is pooled.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate, groupby, repeat
from operator import is_
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fapilog_otel.model.scope import Scope


class ChunkLike(Protocol):
    """What delivery reads of a sealed chunk; both forms of chunk have it."""

    @property
    def count(self) -> int:
        """Records in the chunk."""
        ...

    @property
    def allocated(self) -> int:
        """Bytes that the chunk takes from ``max_queue_bytes``."""
        ...

    @property
    def band(self) -> int:
        """Severity band 0-3 of all its records."""
        ...

    @property
    def length(self) -> int:
        """Bytes of encoded records."""
        ...

    def view(self) -> memoryview:
        """Give the encoded records, read-only; the memory is not reused while the view exists."""
        ...

    def offset(self, index: int) -> int:
        """Give where record ``index`` starts, bytes; for ``count``: where the last one ends."""
        ...

    def severity_counts(self, lo: int, hi: int) -> dict[int, int]:
        """Count records ``lo`` to ``hi`` by severity number."""
        ...

    def runs(self, lo: int, hi: int) -> list[tuple[Scope, int, int]]:
        """Give (scope, start, end) byte ranges of neighbouring records of one scope among records ``lo`` to ``hi``."""
        ...

    def payloads(self, lo: int, hi: int) -> Iterator[tuple[memoryview, Scope]]:
        """Give each record's LogRecord message without its tag, and its scope."""
        ...

    def cut(self, lo: int, max_bytes: int, max_records: int) -> int:
        """Give the largest ``hi`` such that records ``lo`` to ``hi`` fit both bounds; at least one record."""
        ...


def payload_start(data: memoryview, start: int) -> int:
    """Give where the LogRecord message begins whose tag is at ``start`` (one tag byte, then a varint length)."""
    position = start + 1
    while data[position] & 0x80:
        position += 1
    return position + 1


class Chunk:
    """Chunk in plain Python: a list of records while it is open, end to end in one bytes object once it is read.

    An emit core adds a record to ``entries`` by one ``+=``, which no signal handler, finaliser or thread can enter, and
    takes its size off ``room`` in the same way: see ``encode/emit.py``.

    Args:
        size: Bytes that records may fill before the chunk counts as full.
        band: Severity band 0-3 of the records that go in.
    """

    __slots__ = (
        "__weakref__",
        "_offsets",
        "_scopes",
        "_severities",
        "allocated",
        "band",
        "data",
        "entries",
        "owner",
        "room",
        "size",
    )

    def __init__(self, size: int, band: int) -> None:
        self.size = size
        self.allocated = size
        self.band = band
        self.room = size  # bytes that are left
        self.entries: list[Any] = []  # record, severity, scope; record, severity, scope; ...
        self.data = b""
        self.owner: object | None = None  # the buffer's ticket for this chunk
        self._offsets = [0]
        self._severities = b""
        self._scopes: list[Scope] = []

    @property
    def count(self) -> int:
        """Records in the chunk."""
        return len(self._scopes) + len(self.entries) // 3

    @property
    def scopes(self) -> list[Scope]:
        """The scopes of its records, each once, in the order of their first records."""
        self._settle()
        return list({id(scope): scope for scope in self._scopes}.values())

    @property
    def length(self) -> int:
        """Bytes of encoded records."""
        return self.size - self.room

    def fits(self, need: int) -> bool:
        """Tell whether a record of ``need`` bytes, tag and length included, still has room."""
        return need <= self.room

    def append(self, record: bytes, severity: int, scope: Scope) -> None:
        """Add one LogRecord message with its tag and length, wholly or not at all."""
        entry = (record, severity, scope)
        size = len(record)
        self.entries += entry
        self.room -= size

    def _settle(self) -> None:
        """Put the records end to end; the first reader of a sealed chunk does, so that no log call has to."""
        entries, scopes = self.entries, self._scopes
        size = len(entries)
        if not size:
            return
        records = entries[0:size:3]
        offsets = [*self._offsets[:-1], *accumulate(map(len, records), initial=self._offsets[-1])]
        severities = self._severities + bytes(entries[1:size:3])
        data = b"".join((self.data, *records))
        every = scopes + entries[2:size:3]
        taken = slice(0, size)
        if self._scopes is scopes:  # no call from here on: nobody sees, or leaves, one without the others
            self._scopes = every
            self._severities = severities
            self._offsets = offsets
            self.data = data
            del entries[taken]

    def compact(self) -> None:
        """Give back the memory that a half-empty chunk does not need; only once sealed."""
        self._settle()
        if len(self.data) * 2 < self.allocated:
            self.allocated = max(len(self.data), 1)

    def view(self) -> memoryview:
        """Give the encoded records, read-only."""
        self._settle()
        return memoryview(self.data)

    def offset(self, index: int) -> int:
        """Give where record ``index`` starts, bytes."""
        self._settle()
        return self._offsets[index] if index < len(self._offsets) else len(self.data)

    def severity_counts(self, lo: int, hi: int) -> dict[int, int]:
        """Count records by severity number."""
        self._settle()
        counts: dict[int, int] = {}
        left = self._severities[lo:hi]
        while left:  # a turn for each number there is, mostly one
            severity = left[0]
            counts[severity] = left.count(severity)
            left = left.replace(left[:1], b"") if counts[severity] < len(left) else b""
        return counts

    def runs(self, lo: int, hi: int) -> list[tuple[Scope, int, int]]:
        """Give byte ranges of neighbouring records of one scope."""
        self._settle()
        offsets, scopes = self._offsets, self._scopes[lo:hi]
        if scopes and all(map(is_, scopes, repeat(scopes[0]))):  # as most are, and several times faster
            return [(scopes[0], offsets[lo], offsets[hi])]
        found: list[tuple[Scope, int, int]] = []
        start = lo
        for _, same in groupby(scopes, id):
            end = start + len(list(same))
            found.append((self._scopes[start], offsets[start], offsets[end]))
            start = end
        return found

    def payloads(self, lo: int, hi: int) -> Iterator[tuple[memoryview, Scope]]:
        """Give each record's LogRecord message without its tag, and its scope."""
        data = self.view()
        for index in range(lo, hi):
            start = payload_start(data, self._offsets[index])
            yield data[start : self._offsets[index + 1]], self._scopes[index]

    def cut(self, lo: int, max_bytes: int, max_records: int) -> int:
        """Give the largest ``hi`` within both bounds; at least ``lo + 1``."""
        start = self.offset(lo)
        hi = self.count
        if len(self.data) - start > max_bytes:
            hi = bisect_right(self._offsets, start + max_bytes) - 1
        return max(lo + 1, min(hi, lo + max_records))
