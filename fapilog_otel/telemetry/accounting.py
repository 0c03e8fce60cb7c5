"""Exact accounts: submitted = delivered + filtered + dropped + failed + in_flight, at every instant.

Everything but ``in_flight`` is a counter that only grows; ``in_flight`` is counted from the chunks that a destination
still holds. So the equation can fail, and the tests that check it mean something.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from fapilog_otel.model.severity import BANDS, MAX_SEVERITY, severity_band

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

UNKNOWN_LANE: Final = MAX_SEVERITY + 1
LANE_COUNT: Final = MAX_SEVERITY + 2

_NOTHING: Mapping[str, int] = MappingProxyType({})


def _nothing() -> Mapping[str, int]:
    return _NOTHING


class Lanes:
    """A counter by severity number 0-24, with one lane for records whose severity is not known."""

    __slots__ = ("lanes",)

    def __init__(self, lanes: Sequence[int] | None = None) -> None:
        self.lanes = list(lanes) if lanes is not None else [0] * LANE_COUNT

    def add(self, counts: Mapping[int, int]) -> None:
        """Add counts by severity number."""
        for severity, number in counts.items():
            self.lanes[severity] += number

    def add_lanes(self, lanes: Sequence[int]) -> None:
        """Add another counter's lanes."""
        for lane, number in enumerate(lanes):
            self.lanes[lane] += number

    def total(self) -> int:
        """All lanes together."""
        return sum(self.lanes)

    def by_band(self) -> dict[str, int]:
        """Sum the lanes by band: debug, info, warn, error, and unknown where a partial success made it so."""
        bands = dict.fromkeys(BANDS, 0)
        for severity, number in enumerate(self.lanes[:UNKNOWN_LANE]):
            bands[BANDS[severity_band(severity)]] += number
        if self.lanes[UNKNOWN_LANE]:
            bands["unknown"] = self.lanes[UNKNOWN_LANE]
        return bands


class Ledger:
    """One destination's counters; its owner guards them with the buffer's lock."""

    __slots__ = ("delivered", "dropped", "failed", "filtered", "name", "optional")

    def __init__(self, name: str, *, optional: bool = False) -> None:
        self.name = name
        self.optional = optional
        self.delivered = Lanes()
        self.filtered = Lanes()
        self.dropped: dict[str, Lanes] = {}
        self.failed: dict[str, Lanes] = {}

    def drop(self, reason: str, counts: Mapping[int, int]) -> None:
        """Count records that were given up before any attempt."""
        self.dropped.setdefault(reason, Lanes()).add(counts)

    def fail(self, reason: str, counts: Mapping[int, int]) -> None:
        """Count records that the destination refused, or that were given up after an attempt."""
        self.failed.setdefault(reason, Lanes()).add(counts)


@dataclass(frozen=True, slots=True)
class LaneStats:
    """The counters of one severity band."""

    submitted: int = 0
    delivered: int = 0
    filtered: int = 0
    dropped: int = 0
    failed: int = 0
    in_flight: int = 0


@dataclass(frozen=True, slots=True)
class DestinationStats:
    """One destination's counters at an instant, in records."""

    name: str
    submitted: int
    delivered: int
    filtered: int
    dropped: int
    failed: int
    in_flight: int
    optional: bool = False
    dropped_by_reason: Mapping[str, int] = field(default_factory=_nothing)
    failed_by_reason: Mapping[str, int] = field(default_factory=_nothing)
    lanes: Mapping[str, LaneStats] = field(default_factory=dict)
    recovered: int = 0

    @property
    def balanced(self) -> bool:
        """Whether the accounting equation holds."""
        return self.submitted == self.delivered + self.filtered + self.dropped + self.failed + self.in_flight


@dataclass(frozen=True, slots=True)
class Stats:
    """All counters at an instant, in records.

    The global ones are those of the non-optional destination with the fewest delivered.

    Args:
        submitted: Records that passed the level gate.
        delivered: Records that the destination acknowledged.
        filtered: Records that a stage or a destination's level left out.
        dropped: Records given up before any attempt.
        failed: Records refused by the destination or given up after an attempt.
        in_flight: Records queued, in stages, waiting for a retry or on the wire.
        dropped_by_reason: ``dropped`` by reason: ``queue_full``, ``shutdown``, ``encode_error`` ...
        failed_by_reason: ``failed`` by reason: ``rejected``, ``http_400``, ``shutdown`` ...
        lanes: All counters by severity band: debug, info, warn, error.
        destinations: The same for every destination.
        recovered: Records adopted from an earlier process's spool; they count as submitted.
    """

    submitted: int = 0
    delivered: int = 0
    filtered: int = 0
    dropped: int = 0
    failed: int = 0
    in_flight: int = 0
    dropped_by_reason: Mapping[str, int] = field(default_factory=_nothing)
    failed_by_reason: Mapping[str, int] = field(default_factory=_nothing)
    lanes: Mapping[str, LaneStats] = field(default_factory=dict)
    destinations: Mapping[str, DestinationStats] = field(default_factory=dict)
    recovered: int = 0

    @property
    def balanced(self) -> bool:
        """Whether the accounting equation holds, globally and for every destination."""
        own = self.submitted == self.delivered + self.filtered + self.dropped + self.failed + self.in_flight
        return own and all(destination.balanced for destination in self.destinations.values())


@dataclass(frozen=True, slots=True)
class Intake:
    """What happened to records before any destination: the emit core's counters at an instant."""

    submitted: Sequence[int]
    filtered: Sequence[int]
    dropped: Mapping[str, Sequence[int]]


def destination_stats(
    intake: Intake, ledger: Ledger, in_flight: Lanes, missed: Lanes, recovered: Lanes | None = None
) -> DestinationStats:
    """Put one destination's account together.

    Args:
        intake: The emit core's counters.
        ledger: The destination's own.
        in_flight: Records in chunks that the destination still holds.
        missed: Records in open chunks that the destination had no room for.
        recovered: Records that an earlier process left in the spool for it.
    """
    dropped = {reason: Lanes(lanes) for reason, lanes in intake.dropped.items()}
    for reason, lanes in ledger.dropped.items():
        dropped.setdefault(reason, Lanes()).add_lanes(lanes.lanes)
    if missed.total():
        dropped.setdefault("queue_full", Lanes()).add_lanes(missed.lanes)
    filtered = Lanes(intake.filtered)
    filtered.add_lanes(ledger.filtered.lanes)
    all_dropped, all_failed = _sum(dropped.values()), _sum(ledger.failed.values())
    submitted = Lanes(intake.submitted)
    if recovered is not None:
        submitted.add_lanes(recovered.lanes)
    columns = (submitted, ledger.delivered, filtered, all_dropped, all_failed, in_flight)
    return DestinationStats(
        name=ledger.name,
        submitted=submitted.total(),
        delivered=ledger.delivered.total(),
        filtered=filtered.total(),
        dropped=all_dropped.total(),
        failed=all_failed.total(),
        in_flight=in_flight.total(),
        optional=ledger.optional,
        dropped_by_reason={reason: lanes.total() for reason, lanes in dropped.items() if lanes.total()},
        failed_by_reason={reason: lanes.total() for reason, lanes in ledger.failed.items() if lanes.total()},
        lanes=_lane_stats(columns),
        recovered=0 if recovered is None else recovered.total(),
    )


def global_stats(destinations: Sequence[DestinationStats]) -> Stats:
    """Give the global account: that of the non-optional destination with the fewest delivered; ties: the first."""
    candidates = [one for one in destinations if not one.optional] or list(destinations)
    if not candidates:
        return Stats()
    worst = min(candidates, key=lambda one: one.delivered)
    return Stats(
        worst.submitted,
        worst.delivered,
        worst.filtered,
        worst.dropped,
        worst.failed,
        worst.in_flight,
        worst.dropped_by_reason,
        worst.failed_by_reason,
        worst.lanes,
        {one.name: one for one in destinations},
        worst.recovered,
    )


def _sum(parts: Iterable[Lanes]) -> Lanes:
    total = Lanes()
    for part in parts:
        total.add_lanes(part.lanes)
    return total


def _lane_stats(columns: Sequence[Lanes]) -> dict[str, LaneStats]:
    tables = [column.by_band() for column in columns]
    names = dict.fromkeys(name for table in tables for name in table)
    return {name: LaneStats(*(table.get(name, 0) for table in tables)) for name in names}
