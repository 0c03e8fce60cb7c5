"""A chunk: encoded LogRecord messages end to end, with a side index of offset, severity and scope.

    data    | 0x12 len LogRecord | 0x12 len LogRecord | ...      exactly as they stand inside a ScopeLogs message
    index   | offset sev scope   | offset sev scope   | ...      16 bytes a record at most
    scopes  | Scope Scope ...                                    by the index's scope number

A chunk is written by one emit core and is immutable once sealed. This is the plain Python form; the native one has the
same methods over a block of memory that is pooled.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Protocol

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
    """Chunk in plain Python: a bytearray and lists.

    Args:
        size: Bytes that records may fill before the chunk counts as full.
        band: Severity band 0-3 of the records that go in.
    """

    __slots__ = (
        "__weakref__",
        "allocated",
        "band",
        "data",
        "offsets",
        "owner",
        "scope_ids",
        "scopes",
        "severities",
        "size",
    )

    def __init__(self, size: int, band: int) -> None:
        self.size = size
        self.allocated = size
        self.band = band
        self.data = bytearray()
        self.offsets: list[int] = []
        self.severities = bytearray()
        self.scope_ids: list[int] = []
        self.scopes: list[Scope] = []
        self.owner: object | None = None  # the buffer's ticket for this chunk

    @property
    def count(self) -> int:
        """Records in the chunk."""
        return len(self.offsets)

    @property
    def length(self) -> int:
        """Bytes of encoded records."""
        return len(self.data)

    def fits(self, need: int) -> bool:
        """Tell whether a record of ``need`` bytes, tag and length included, still has room."""
        return len(self.data) + need <= self.size

    def append(self, record: bytes, severity: int, scope: Scope) -> None:
        """Add one LogRecord message with its tag and length, wholly or not at all."""
        scopes = self.scopes
        scope_id = len(scopes) - 1 if scopes and scopes[-1] is scope else self._scope_id(scope)
        count, start = len(self.offsets), len(self.data)
        try:
            self.offsets.append(start)
            self.severities.append(severity)
            self.scope_ids.append(scope_id)
            self.data += record
        except BaseException:  # a KeyboardInterrupt between two of them must not shift all records to come
            del self.offsets[count:], self.severities[count:], self.scope_ids[count:], self.data[start:]
            raise

    def _scope_id(self, scope: Scope) -> int:
        for number, known in enumerate(self.scopes):
            if known is scope:
                return number
        self.scopes.append(scope)
        return len(self.scopes) - 1

    def compact(self) -> None:
        """Give back the memory that a half-empty chunk does not need; only once sealed."""
        if len(self.data) * 2 < self.allocated:
            self.data = bytearray(bytes(self.data))
            self.allocated = max(len(self.data), 1)

    def view(self) -> memoryview:
        """Give the encoded records, read-only."""
        return memoryview(self.data).toreadonly()

    def offset(self, index: int) -> int:
        """Give where record ``index`` starts, bytes."""
        return self.offsets[index] if index < len(self.offsets) else len(self.data)

    def severity_counts(self, lo: int, hi: int) -> dict[int, int]:
        """Count records by severity number."""
        counts: dict[int, int] = {}
        for severity in self.severities[lo:hi]:
            counts[severity] = counts.get(severity, 0) + 1
        return counts

    def runs(self, lo: int, hi: int) -> list[tuple[Scope, int, int]]:
        """Give byte ranges of neighbouring records of one scope."""
        found: list[tuple[Scope, int, int]] = []
        start = lo
        for index in range(lo + 1, hi + 1):
            if index == hi or self.scope_ids[index] != self.scope_ids[start]:
                found.append((self.scopes[self.scope_ids[start]], self.offset(start), self.offset(index)))
                start = index
        return found

    def payloads(self, lo: int, hi: int) -> Iterator[tuple[memoryview, Scope]]:
        """Give each record's LogRecord message without its tag, and its scope."""
        data = self.view()
        for index in range(lo, hi):
            start = payload_start(data, self.offset(index))
            yield data[start : self.offset(index + 1)], self.scopes[self.scope_ids[index]]

    def cut(self, lo: int, max_bytes: int, max_records: int) -> int:
        """Give the largest ``hi`` within both bounds; at least ``lo + 1``."""
        if len(self.data) - self.offset(lo) <= max_bytes:
            hi = self.count
        else:
            hi = bisect_right(self.offsets, self.offset(lo) + max_bytes) - 1
        return max(lo + 1, min(hi, lo + max_records))
