"""How the bridge is doing at one instant, in a form that a health endpoint can hand out."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

State: TypeAlias = Literal["ok", "failing", "starting", "circuit_open", "degraded"]
Circuit: TypeAlias = Literal["off", "closed", "open", "probing"]

STATES: Final[tuple[State, ...]] = ("ok", "failing", "starting", "circuit_open", "degraded")
_WELL: Final[tuple[State, ...]] = ("ok", "starting")


@dataclass(frozen=True, slots=True)
class DestinationHealth:
    """How one destination is doing, at one instant.

    Args:
        name: Destination name.
        state: ``ok``; ``starting``: its transport is not open yet; ``failing``: the latest attempt failed;
            ``circuit_open``: so many have failed in a row that the circuit breaker holds requests back; ``degraded``:
            its transport cannot be opened, its queue is full, or the pipeline thread has ended.
        optional: Whether the others are not judged by it.
        attempts: Attempts to send a request that have ended.
        consecutive_failures: Attempts since the last success.
        last_success: Wall-clock time in Unix seconds; None: never.
        last_error: Text of the latest failure, credentials masked, kept after a success; empty: none yet.
        last_error_at: Wall-clock time in Unix seconds; None: never.
        queue_records: Records that it holds, waiting or under way: ``in_flight`` of its `Stats`.
        queue_bytes: Bytes of memory that they take.
        queue_capacity_bytes: Bytes that they may take (``max_queue_bytes``).
        queue_capacity_records: Records that may be pending (``max_queue_size``); None: only bytes count.
        requests_under_way: Requests being sent, or waiting for their next attempt.
        records_under_way: Records in them.
        circuit: State of the circuit breaker: ``off`` (none), ``closed``, ``open`` or ``probing``.
        spool_records: Records in the spool; None: it has no spool.
        spool_bytes: Bytes in the spool; None: it has no spool.
    """

    name: str
    state: State
    optional: bool
    attempts: int
    consecutive_failures: int
    last_success: float | None
    last_error: str
    last_error_at: float | None
    queue_records: int
    queue_bytes: int
    queue_capacity_bytes: int
    queue_capacity_records: int | None
    requests_under_way: int
    records_under_way: int
    circuit: Circuit
    spool_records: int | None = None
    spool_bytes: int | None = None

    @property
    def healthy(self) -> bool:
        """Whether it takes logs, or is about to: ``ok`` or ``starting``."""
        return self.state in _WELL


def _nowhere() -> Mapping[str, DestinationHealth]:
    return {}


@dataclass(frozen=True, slots=True)
class HealthReport:
    """How the bridge is doing, at one instant.

    Args:
        closed: Whether it has been shut down.
        destinations: Every destination by name.
    """

    closed: bool = False
    destinations: Mapping[str, DestinationHealth] = field(default_factory=_nowhere)

    @property
    def healthy(self) -> bool:
        """Whether it runs and every non-optional destination is ``ok`` or ``starting``; all, where all are optional."""
        found = list(self.destinations.values())
        judged = [one for one in found if not one.optional] or found
        return not self.closed and all(one.healthy for one in judged)

    def as_dict(self) -> dict[str, Any]:
        """Give it as plain values for ``json.dumps``: ``healthy``, ``closed`` and ``destinations`` by name."""
        destinations = {name: asdict(one) for name, one in self.destinations.items()}
        return {"healthy": self.healthy, "closed": self.closed, "destinations": destinations}
