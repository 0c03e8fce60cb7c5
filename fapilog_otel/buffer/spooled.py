"""An engine's spool: who is told what it does, and how long flush and shutdown wait for what is on disk."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from fapilog_otel.contracts import exporter_traits
from fapilog_otel.delivery import BlockingRunner, build_sender
from fapilog_otel.delivery.fanout import Branch

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fapilog_otel.buffer.engine import Engine
    from fapilog_otel.buffer.pending import Pending
    from fapilog_otel.buffer.spec import Destination, EngineSpec
    from fapilog_otel.delivery.spool import Spool
    from fapilog_otel.delivery.spooling import SpooledBranch

_LOOK = 0.01  # seconds between looks at a branch whose rows are being sent


def make_spool(spec: EngineSpec) -> Spool | None:
    """Give the spool that an engine asks for, not started; None: it asks for none."""
    if spec.spool is None:
        return None
    from fapilog_otel.delivery.spool import Spool  # noqa: PLC0415 - it loads sqlite3, which only a spool needs

    return Spool(spec.spool, spec.diagnostics)


def make_branch(engine: Engine, destination: Destination) -> Branch:
    """Build one destination's branch, with the engine's spool behind it unless its exporter needs none."""
    spec, exporter = engine.spec, destination.exporter
    traits = exporter_traits(exporter)
    if traits.blocking:
        exporter = BlockingRunner(exporter, destination.settings.name)
    spool = engine.spool if traits.spooled else None
    sender = build_sender(
        destination.settings.name,
        exporter,
        timeout=destination.timeout or spec.timeout,
        policy=spec.retry,
        control=engine.control,
        diagnostics=spec.diagnostics,
        breaker=spec.breaker,
        kept=spool is not None,
        on_operation=spec.on_operation,
    )
    if spool is None:
        return Branch(destination.settings, exporter, sender, engine.lock, engine)
    from fapilog_otel.delivery.spool import StoredLogs  # noqa: PLC0415 - as above
    from fapilog_otel.delivery.spooling import SpooledBranch  # noqa: PLC0415

    return SpooledBranch(
        destination.settings,
        exporter,
        sender,
        engine.lock,
        engine,
        store=spool,
        write_ahead=not spec.spill,
        read=StoredLogs,
    )


class SpoolHost:
    """Hears, on the spool's thread, what becomes of rows, and tells the branches."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._branches = {branch.name: branch for branch in spooled(engine.branches)}

    @property
    def destinations(self) -> tuple[str, ...]:
        """The destinations that have a spool."""
        return tuple(self._branches)

    def adopted(self, destination: str, lanes: Mapping[int, int], rows: int) -> None:  # noqa: ARG002 - the host's form
        """Count what an earlier process left."""
        self._branches[destination].adopt(lanes)
        self.available(destination)

    def lost(self, destination: str, lanes: Mapping[int, int], reason: str) -> None:
        """Count what had to be given up."""
        branch = self._branches.get(destination)
        if branch is not None:
            branch.lose(lanes, reason)

    def available(self, destination: str) -> None:
        """Have a branch look for rows."""
        self._branches[destination].available()
        self._engine.wake()

    def degraded(self, reason: str) -> None:
        """Learn that the spool cannot write; the branches find out by themselves."""

    def healed(self) -> None:
        """Have the branches use the disk again."""
        for branch in self._branches.values():
            branch.healed()
        self._engine.wake()


def spooled(branches: Iterable[Branch]) -> list[SpooledBranch]:
    """Give the branches that have a spool."""
    return [branch for branch in branches if hasattr(branch, "stored")]  # type: ignore[misc]


async def flush_spooled(engine: Engine, pending: Pending, deadline: float) -> bool:
    """Wait until all that was pending is delivered or durable, and a while longer for what is on disk to be sent.

    Under spill the memory goes to disk when the destination fails, or when half of the time is over.

    Args:
        engine: The engine; on its loop.
        pending: What was pending at the call.
        deadline: Monotonic seconds.
    """
    half = deadline - (deadline - time.monotonic()) / 2
    branches = spooled(engine.branches)
    while time.monotonic() < half and not any(branch.stuck for branch in branches):
        if await engine.settled(pending, min(half, time.monotonic() + _LOOK)):
            break
    if not pending.done():
        persist(engine)
    if not await engine.settled(pending, deadline) or pending.lost():
        return False
    await sent(engine, deadline)
    return True


def persist(engine: Engine) -> None:
    """Have all that is in memory written to disk, where there is a spool; on the loop."""
    for branch in spooled(engine.branches):
        branch.persist()


async def sent(engine: Engine, deadline: float) -> None:
    """Wait until as much has left the disk as is on it now, while the destinations take it.

    Args:
        engine: The engine; on its loop.
        deadline: Monotonic seconds.
    """
    marks = [(branch, branch.stored_ever) for branch in spooled(engine.branches)]
    while any(branch.unstored_ever < mark and not branch.stuck for branch, mark in marks):
        left = deadline - time.monotonic()
        if left <= 0:
            return
        await asyncio.sleep(min(left, _LOOK))
