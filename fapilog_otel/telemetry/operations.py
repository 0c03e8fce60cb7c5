"""How long it takes to deliver a destination's requests, by how it ended: a histogram that is always kept.

An operation is one request, or one part of a request that was split, from its first attempt to the end of its last, the
waits between them included (OpenTelemetry semantic conventions, ``otel.sdk.exporter.operation.duration``).
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

BOUNDS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
"""Upper bounds of the buckets, seconds: those of the HTTP metrics, up to the default `timeout`."""

_REASONS_LIMIT: Final = 64
OTHER: Final = "_OTHER"
"""The conventions' word for an ``error.type`` that would be one too many."""


@dataclass(frozen=True, slots=True)
class Operation:
    """The delivery of one request, concluded.

    Args:
        destination: Destination name.
        seconds: How long it took, all attempts and the waits between them.
        reason: Why it failed, as `Stats` names it, ``rejected`` for a partial success; empty: full success.
        code: The transport's own word for the reply, ``http_200`` or ``grpc_ok``; empty: not told.
    """

    destination: str
    seconds: float
    reason: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class Durations:
    """The operations that ended in one way.

    Args:
        cumulative: Operations of at most each of ``BOUNDS`` seconds, and last of all of them.
        seconds: How long they took together.
    """

    cumulative: tuple[int, ...]
    seconds: float

    @property
    def count(self) -> int:
        """All of them."""
        return self.cumulative[-1]


class Operations:
    """Counts operations by reason and duration, and tells of each where somebody wants to know.

    Args:
        destination: Destination name.
        on_operation: Told of each operation, on the pipeline thread; must not raise.
    """

    __slots__ = ("_buckets", "_destination", "_lock", "_on_operation", "_seconds")

    def __init__(self, destination: str, on_operation: Callable[[Operation], None] | None = None) -> None:
        self._destination = destination
        self._on_operation = on_operation
        self._buckets: dict[str, list[int]] = {}
        self._seconds: dict[str, float] = {}
        self._lock = threading.Lock()

    def add(self, seconds: float, reason: str = "", code: str = "") -> None:
        """Count an operation that has ended; see `Operation`."""
        with self._lock:
            key = reason if reason in self._buckets or len(self._buckets) < _REASONS_LIMIT else OTHER
            buckets = self._buckets.setdefault(key, [0] * (len(BOUNDS) + 1))
            buckets[bisect_left(BOUNDS, seconds)] += 1
            self._seconds[key] = self._seconds.get(key, 0.0) + seconds
        if self._on_operation is not None:
            self._on_operation(Operation(self._destination, seconds, reason, code))

    def by_reason(self) -> dict[str, Durations]:
        """Give all operations by how they ended; success is the empty reason."""
        with self._lock:
            return {
                reason: Durations(tuple(accumulate(buckets)), self._seconds[reason])
                for reason, buckets in self._buckets.items()
            }
