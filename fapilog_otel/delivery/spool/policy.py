"""The numbers that a spool obeys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB
PAGE: Final = 8192
"""Bytes of a database page."""


@dataclass(frozen=True, slots=True)
class SpoolPolicy:
    """Where a spool is and how much it may hold.

    Args:
        directory: Path; made where it is missing.
        max_bytes: Bytes that all files of this process may take.
        segment_bytes: Size from which a file is no longer added to, bytes.
        idle_bytes: Size from which a file is given up once it is drained, bytes.
        ballast_bytes: Size of the file that is removed when the disk is full, bytes.
        adopt_interval: Seconds between two looks for files of processes that are gone.
        probe_interval: Seconds between two attempts to write again after a failure.
        delete_delay: Seconds that a deletion may wait for a commit to ride with.
        quarantine_files: Damaged files that are kept.
        quarantine_bytes: Bytes of damaged files that are kept.
    """

    directory: str
    max_bytes: int = 1024 * MIB
    segment_bytes: int = 64 * MIB
    idle_bytes: int = 4 * MIB
    ballast_bytes: int = MIB
    adopt_interval: float = 30.0
    probe_interval: float = 1.0
    delete_delay: float = 0.1
    quarantine_files: int = 8
    quarantine_bytes: int = 128 * MIB

    @property
    def segment(self) -> int:
        """Size from which a file is no longer added to, within a small bound: bytes."""
        return min(self.segment_bytes, max(self.max_bytes // 8, MIB))

    @property
    def log_pages(self) -> int:
        """Pages that a write-ahead log may have before it is written back."""
        return max(min(self.segment // 8, 8 * MIB) // PAGE, 4)

    @property
    def round_bytes(self) -> int:
        """Payload of one commit, bytes; a request that is larger has one for itself."""
        return min(8 * MIB, self.segment // 4)

    @property
    def ballast(self) -> int:
        """Size of the ballast within a small bound, bytes."""
        return min(self.ballast_bytes, self.max_bytes // 16)

    @property
    def capacity(self) -> int:
        """Bytes of `max_bytes` that are left for databases, beside the ballast and a write-ahead log."""
        return self.max_bytes - self.ballast - self.log_pages * PAGE - self.round_bytes * 17 // 16
