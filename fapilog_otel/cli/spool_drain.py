"""Delivers what dead processes left in a spool: the store, and for each destination its sender."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fapilog_otel.assembly import configured_exporter, retry_policy
from fapilog_otel.contracts import exporter_traits
from fapilog_otel.delivery import BlockingRunner, Control, build_sender
from fapilog_otel.delivery.spool import Spool, SpoolPolicy, StoredLogs
from fapilog_otel.errors import DeliveryError
from fapilog_otel.telemetry.diagnostics import get_diagnostics

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from fapilog_otel.contracts import Exporter
    from fapilog_otel.delivery import Sender
    from fapilog_otel.delivery.spool import Row
    from fapilog_otel.settings import Settings

_AT_ONCE = 4  # requests under way to a destination
_STOP = 10.0  # seconds


@dataclass
class Outcome:
    """What came of it.

    Args:
        delivered: Requests and records by destination.
        failures: Why something stays, by destination.
        configured: Names of the destinations that there are.
    """

    delivered: dict[str, tuple[int, int]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    configured: frozenset[str] = frozenset()

    def why(self, destination: str) -> str:
        """Tell why something stays."""
        if destination not in self.configured:
            return "no such destination is configured"
        return self.failures.get(destination, "not taken over")

    def count(self, row: Row) -> None:
        """Note what a destination has taken."""
        requests, records = self.delivered.get(row.destination, (0, 0))
        self.delivered[row.destination] = requests + 1, records + row.records


class _Listener:
    """A spool's host: what is lost is told as a failure."""

    def __init__(self, outcome: Outcome) -> None:
        self._outcome = outcome
        self._lost: Counter[str] = Counter()

    def adopted(self, destination: str, lanes: Mapping[int, int], rows: int) -> None:
        """Learn of a file that was taken over; it is taken from at once."""

    def lost(self, destination: str, lanes: Mapping[int, int], reason: str) -> None:
        """Learn of what cannot be delivered."""
        self._lost[destination] += sum(lanes.values())
        self._outcome.failures[destination] = f"{self._lost[destination]} records lost: {reason}"

    def available(self, destination: str) -> None:
        """Learn that there is something to take."""

    def degraded(self, reason: str) -> None:
        """Learn that nothing can be stored, which nobody wants here."""

    def healed(self) -> None:
        """Learn that it can be again."""


def drained(settings: Settings, directory: Path, timeout: float) -> Outcome:
    """Take over what dead processes left and deliver it.

    Args:
        settings: Destinations, retries, timeouts.
        directory: Of the spool.
        timeout: Seconds for all of it.

    Raises:
        ConfigError: The directory cannot hold a spool, or a destination cannot be built.
    """
    exporters = {name: configured_exporter(name, item, settings) for name, item in settings.destinations().items()}
    outcome = Outcome(configured=frozenset(exporters))
    spool = Spool(SpoolPolicy(str(directory), max_bytes=settings.spool_max_bytes), get_diagnostics())
    spool.prepare()
    spool.start(exporters, _Listener(outcome))
    try:
        asyncio.run(_deliver_all(settings, spool, exporters, outcome, time.monotonic() + timeout))
    finally:
        spool.stop(_STOP)
    return outcome


async def _deliver_all(
    settings: Settings, spool: Spool, exporters: Mapping[str, Exporter], outcome: Outcome, deadline: float
) -> None:
    control = Control()
    control.begin_closing(deadline)
    senders: dict[str, Sender] = {}
    opened: list[Exporter] = []
    for name, given in exporters.items():
        exporter = BlockingRunner(given, name) if exporter_traits(given).blocking else given
        try:
            await asyncio.wait_for(exporter.start(), max(deadline - time.monotonic(), 0.01))
        except Exception as error:  # noqa: BLE001 - a transport's own failure is the reason that is shown
            outcome.failures[name] = f"{type(error).__name__}: {error}"
            continue
        opened.append(exporter)
        senders[name] = build_sender(
            name,
            exporter,
            timeout=settings.timeout,
            policy=retry_policy(settings),
            control=control,
            diagnostics=get_diagnostics(),
        )
    while True:
        adopted = await asyncio.wrap_future(spool.look())
        await asyncio.gather(*(_deliver(spool, sender, outcome, deadline) for sender in senders.values()))
        if not adopted or time.monotonic() >= deadline:
            break
    await _close(opened)


async def _deliver(spool: Spool, sender: Sender, outcome: Outcome, deadline: float) -> None:
    while time.monotonic() < deadline:
        rows = await asyncio.wrap_future(spool.take(sender.name, _AT_ONCE))
        if not rows:
            return
        errors = await asyncio.gather(*(_send(spool, sender, row, body, outcome) for row, body in rows))
        if any(errors):
            return
    outcome.failures.setdefault(sender.name, "the time was over")


async def _send(spool: Spool, sender: Sender, row: Row, body: bytes, outcome: Outcome) -> DeliveryError | None:
    parts = await sender.send(StoredLogs(body, row.lanes))
    error = next((part.error for part in parts if part.error is not None), None)
    if error is not None:
        outcome.failures[row.destination] = f"{error.reason}: {error}"
        return error  # the row stays taken, and so on disk
    rejected = sum(part.result.rejected for part in parts if part.result is not None)
    if rejected:
        outcome.failures[row.destination] = f"{rejected} records were rejected"
    outcome.count(row)
    spool.delete(row)
    return None


async def _close(exporters: list[Exporter]) -> None:
    for exporter in exporters:
        try:
            await asyncio.wait_for(exporter.close(), 2.0)
        except Exception as error:  # noqa: BLE001 - delivery is over; what a transport says at its end changes nothing
            get_diagnostics().report("spool.drain", "a destination did not close cleanly", cause=repr(error))
