"""Recycled chunk memory: a log call that opens a chunk must not wait for page faults."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from fapilog_otel.encode.select import NATIVE, Chunk

if TYPE_CHECKING:
    from fapilog_otel.model.chunk import Chunk as ChunkType


class ChunkPool:
    """Gives chunks over recycled, pre-faulted blocks of one size; other sizes are allocated for the occasion.

    Args:
        size: Bytes of a pooled block.
        keep: Free blocks kept at most.
        ready: Blocks made and touched at once.
    """

    def __init__(self, size: int, keep: int, ready: int) -> None:
        self.size = size
        self._free: deque[Any] = deque(maxlen=keep)
        if NATIVE:
            for _ in range(min(ready, keep)):
                block: Any = Chunk(size, 0)
                block.prefault()
                self._free.append(block)

    def get(self, size: int, band: int) -> ChunkType:
        """Give an empty chunk with room for ``size`` bytes of records of a band."""
        if NATIVE and size == self.size:
            while self._free:
                try:
                    donor = self._free.popleft()
                except IndexError:
                    break
                if not donor.exports:
                    make: Any = Chunk
                    return make(size, band, donor)  # type: ignore[no-any-return]
        return Chunk(size, band)

    def put(self, chunk: Any) -> None:
        """Take back a chunk that nobody holds; its memory is reused only if no view of it is left."""
        if NATIVE and chunk.size == self.size and not chunk.exports:
            self._free.append(chunk)
