"""What can go wrong between two ends of a TCP connection, as values for `ChaosProxy`.

*Upstream* is from the client to the target, *downstream* the other way. Bytes are counted from the beginning of the
connection, in each direction by itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

Direction: TypeAlias = Literal["up", "down"]


@dataclass(frozen=True, slots=True)
class Refuse:
    """Nobody listens: connecting fails at once. Not for a plan, since what is refused is no connection."""


@dataclass(frozen=True, slots=True)
class Cut:
    """The connection ends on both sides.

    Args:
        after: Bytes that still pass. ``Cut()`` ends a connection as soon as it is accepted; 0 downstream: when the
            first byte of the answer is there.
        direction: Which bytes are counted.
        reset: True: with a TCP RST, as after a crash; False: with an orderly FIN.
    """

    after: int = 0
    direction: Direction = "up"
    reset: bool = True


@dataclass(frozen=True, slots=True)
class HalfClose:
    """One direction ends with a FIN, the other goes on.

    Args:
        after: Bytes that still pass in this direction.
        direction: ``up``: the target sees the end of the request; ``down``: the client sees the end of the answer.
    """

    after: int = 0
    direction: Direction = "up"


@dataclass(frozen=True, slots=True)
class Blackhole:
    """Connections are taken, bytes are swallowed, nothing is ever answered.

    A connection that has lost bytes so is reset when the fault is taken back.

    Args:
        after: Bytes upstream that still pass; from then on nothing does, in either direction.
    """

    after: int = 0


@dataclass(frozen=True, slots=True)
class Latency:
    """Each piece, of 64 KiB at most, waits.

    Args:
        seconds: How long.
        direction: Where; None: both ways.
    """

    seconds: float
    direction: Direction | None = None


@dataclass(frozen=True, slots=True)
class Throttle:
    """Bytes pass slowly.

    Args:
        rate: Bytes a second.
        direction: Where; None: each direction at this rate.
    """

    rate: float
    direction: Direction | None = None

    def __post_init__(self) -> None:
        if not self.rate > 0:
            raise ValueError(f"rate is in bytes a second and must be positive, not {self.rate!r}")


@dataclass(frozen=True, slots=True)
class Corrupt:
    """One byte arrives changed.

    Args:
        at: Which one, counted from 0.
        direction: Where.
        mask: Its bits that are flipped.
    """

    at: int
    direction: Direction = "up"
    mask: int = 0xFF


@dataclass(frozen=True, slots=True)
class Hang:
    """Nothing passes for a time, and everything afterwards; no byte is lost, as behind a link that is down for a while.

    Args:
        seconds: From when the fault takes effect on a connection; None: until it is taken back.
        after: Bytes in a direction that still pass before it hangs.
        direction: Where; None: both ways.
    """

    seconds: float | None = None
    after: int = 0
    direction: Direction | None = None


ChaosFault: TypeAlias = Refuse | Cut | HalfClose | Blackhole | Latency | Throttle | Corrupt | Hang
ChaosFaults: TypeAlias = "ChaosFault | Iterable[ChaosFault]"


def as_faults(given: ChaosFaults) -> tuple[ChaosFault, ...]:
    """Give a tuple of faults from one or many."""
    return tuple(given) if isinstance(given, Iterable) else (given,)


@dataclass(frozen=True, slots=True)
class ChaosCounts:
    """What a `ChaosProxy` has seen.

    Args:
        connections: Connections accepted.
        open: Those of them that are still there.
        up: Bytes passed on to the target.
        down: Bytes passed on to clients.
        swallowed: Bytes read and not passed on, by a `Blackhole` or at a `Cut`.
    """

    connections: int = 0
    open: int = 0
    up: int = 0
    down: int = 0
    swallowed: int = 0
