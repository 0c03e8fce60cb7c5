"""What the spool's thread is asked for. An inbox takes it without a lock: from signal handlers and finalisers too."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import Future

    from fapilog_otel.delivery.spool.row import Row


class Put(NamedTuple):
    """Store a request."""

    destination: str
    body: tuple[bytes | memoryview, ...]
    lanes: Mapping[int, int]
    created: int
    future: Future[Row]


class Take(NamedTuple):
    """Give the oldest requests that nobody has taken."""

    destination: str
    limit: int
    max_bytes: float
    future: Future[list[tuple[Row, bytes]]]


class GiveBack(NamedTuple):
    """A request that was taken may be taken again."""

    row: Row


class Delete(NamedTuple):
    """A request is delivered."""

    row: Row


class Look(NamedTuple):
    """Look for files of dead processes now."""

    future: Future[int]


class Stop(NamedTuple):
    """Commit what is queued and end."""


Command: TypeAlias = Put | Take | GiveBack | Delete | Look | Stop
