"""The inputs of the scaling curve, and those where a cliff would be."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

KIB: Final = 1024
_BYTES_A_POINT: Final = 48 * 1024 * 1024
_MOST_RECORDS: Final = 200_000
_LEAST_RECORDS: Final = 400
_SDK_SHARE: Final = 25
"""The SDK writes so many times fewer records a point: it would take minutes otherwise."""


@dataclass(frozen=True, slots=True)
class Point:
    """One input.

    Args:
        sweep: What is varied.
        label: Its value, as it is shown.
        x: Its value as a number, for the plot.
        body: Length of the body, characters.
        attributes: How many a record has.
        threads: That log at once.
        destinations: That each get everything.
        large_every: Every so many records one has a body of 64 KiB; 0: none.
        binary: Whether the body is bytes.
        delay: Seconds that the receiver takes to answer.
    """

    sweep: str
    label: str
    x: float = 0.0
    body: int = 40
    attributes: int = 5
    threads: int = 1
    destinations: int = 1
    large_every: int = 0
    binary: bool = False
    delay: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """Give the fields for JSON."""
        return asdict(self)

    @property
    def size(self) -> int:
        """Bytes a record, roughly."""
        large = 64 * KIB // self.large_every if self.large_every else 0
        return 100 + self.body + 24 * self.attributes + large

    def records(self, side: str, scale: float) -> int:
        """Give how many records are written, a multiple of the threads.

        Args:
            side: ``ours`` or ``sdk``.
            scale: Multiplies them.
        """
        number = min(_MOST_RECORDS, _BYTES_A_POINT // (self.size * self.destinations)) * scale
        if side == "sdk":
            number /= _SDK_SHARE
        return max(round(number), _LEAST_RECORDS) // self.threads * self.threads


SWEEPS: Final = {
    "threads": "threads",
    "size": "body length",
    "attributes": "attributes",
    "destinations": "destinations",
}

POINTS: Final = (
    *(Point("threads", str(count), count, threads=count) for count in (1, 2, 4, 8, 16)),
    *(
        Point("size", f"{size} B" if size < KIB else f"{size // KIB} KiB", size, body=size)
        for size in (100, KIB, 4 * KIB, 16 * KIB, 64 * KIB)
    ),
    *(Point("attributes", str(count), count, attributes=count) for count in (0, 4, 16, 64)),
    *(Point("destinations", str(count), count, destinations=count) for count in (1, 2, 4)),
)

HARD: Final = (
    Point("hard", "as measured elsewhere"),
    Point("hard", "a receiver that takes 20 ms to answer", delay=0.02),
    Point("hard", "every 100th record of 64 KiB", large_every=100),
    Point("hard", "1 000 attributes", attributes=1_000),
    Point("hard", "a body of 1 KiB of bytes", body=KIB, binary=True),
    Point("hard", "a body of 1 KiB of text", body=KIB),
)
