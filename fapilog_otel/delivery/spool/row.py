"""What a spool and its users speak of: a stored request, why it could not be stored, who hears of changes."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from fapilog_otel.errors import FapilogOtelError
from fapilog_otel.telemetry.accounting import UNKNOWN_LANE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ROW_VERSION: Final = 1
"""Version of a row's columns and of how its checksum is made."""

SPOOL_FULL: Final = "spool_full"
SPOOL_CORRUPT: Final = "spool_corrupt"
DISK_FULL: Final = "disk_full"
IO_ERROR: Final = "io_error"
READ_ONLY: Final = "read_only"
CLOSED: Final = "closed"
FORKED: Final = "forked"

_PAIR = struct.Struct("<iI")
_FIXED = struct.Struct("<qHIiqiI")
_MOST_RECORDS = 1 << 24


class SpoolError(FapilogOtelError):
    """A request that could not be stored, or not be read.

    Args:
        message: What happened.
        reason: Short stable word: ``spool_full``, ``disk_full``, ``io_error``, ``read_only``, ``closed``, ``forked``.
    """

    def __init__(self, message: str, *, reason: str) -> None:
        self.reason = reason
        super().__init__(message)

    def __reduce__(self) -> tuple[object, ...]:
        return _remade, (str(self), self.reason)


def _remade(message: str, reason: str) -> SpoolError:
    return SpoolError(message, reason=reason)


@dataclass(frozen=True, slots=True)
class Row:
    """A handle of one stored request; two are equal when they mean the same one.

    Args:
        file: Name of its file without ending.
        id: Number within the file.
        destination: Name of the destination that it is for.
        lanes: Severity number to number of records.
        size: Bytes of the request.
        created: When it was stored, Unix ns.
        batch: UUIDv7 of the request, 16 bytes (RFC 9562, section 5.7).
        attempts: How many processes have taken over its file since.
    """

    file: str
    id: int
    destination: str = field(compare=False)
    lanes: Mapping[int, int] = field(compare=False)
    size: int = field(compare=False)
    created: int = field(compare=False)
    batch: bytes = field(compare=False)
    attempts: int = field(default=0, compare=False)

    @property
    def severity(self) -> int:
        """The highest severity number among the records; 0 where there is none."""
        return max(self.lanes, default=0)

    @property
    def records(self) -> int:
        """Number of records."""
        return sum(self.lanes.values())


class SpoolHost(Protocol):
    """Who is told of what happens in a spool; on the spool's thread, so it should do little."""

    def adopted(self, destination: str, lanes: Mapping[int, int], rows: int) -> None:
        """Learn of requests that a process that is gone had left for a configured destination."""

    def lost(self, destination: str, lanes: Mapping[int, int], reason: str) -> None:
        """Learn of stored requests that will not be delivered: ``spool_full`` or ``spool_corrupt``."""

    def available(self, destination: str) -> None:
        """Learn that there is something to take."""

    def degraded(self, reason: str) -> None:
        """Learn that nothing can be stored for now; each ``put`` fails meanwhile."""

    def healed(self) -> None:
        """Learn that requests can be stored again."""


def pack_lanes(lanes: Mapping[int, int]) -> bytes:
    """Give lanes as they are stored: pairs of severity number and number of records."""
    return b"".join(_PAIR.pack(severity, number) for severity, number in sorted(lanes.items()) if number)


def unpack_lanes(packed: object, records: object) -> dict[int, int]:
    """Give stored lanes; what is damaged counts as ``records`` records of unknown severity, at least one.

    Never raises: what is lost must be counted even when the row that says how much is damaged itself.
    """
    number = records if isinstance(records, int) and 0 < records <= _MOST_RECORDS else 1
    if not isinstance(packed, bytes) or len(packed) % _PAIR.size:
        return {UNKNOWN_LANE: number}
    lanes = dict(_PAIR.iter_unpack(packed))
    sane = sum(lanes.values()) == number and all(0 <= severity <= UNKNOWN_LANE for severity in lanes)
    return lanes if sane else {UNKNOWN_LANE: number}


def checksum(
    body: Iterable[bytes | memoryview],
    row_id: int,
    destination: str,
    lanes: bytes,
    batch: bytes,
    numbers: tuple[int, ...],
) -> int:
    """Give the CRC-32 (zlib's) over a row's payload and all its other columns.

    Args:
        body: The payload's buffers in their order.
        row_id: Number of the row.
        destination: Name of the destination.
        lanes: As `pack_lanes` gives them.
        batch: Batch id.
        numbers: Version, records, severity, created, attempts.
    """
    crc = 0
    size = 0
    for part in body:
        crc = zlib.crc32(part, crc)
        size += len(part)
    crc = zlib.crc32(_FIXED.pack(row_id, *numbers, size), crc)
    for text in (destination.encode("utf-8", "surrogatepass"), lanes, batch):
        crc = zlib.crc32(len(text).to_bytes(4, "little") + text, crc)
    return crc
