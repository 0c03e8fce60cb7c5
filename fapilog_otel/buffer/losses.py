"""What was lost, said once when it begins and then at most once a minute, with the number so far.

Read off the accounts by the pipeline thread's timer, so that a record that is dropped costs no line, no lock and no
call on the thread that logs it. What a destination refused is told in its own words by ``delivery.observe``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fapilog_otel.telemetry.reasons import explain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager

    from fapilog_otel.buffer.engine import Engine
    from fapilog_otel.delivery.fanout import Branch
    from fapilog_otel.encode.emit import EmitCore
    from fapilog_otel.telemetry.accounting import Lanes
    from fapilog_otel.telemetry.diagnostics import Diagnostics

_FULL = "queue_full"
_SHUTDOWN = "shutdown"  # has a line of its own, which knows the deadline


class Losses:
    """Says what was dropped, and what failed without a line of its own.

    Args:
        diagnostics: Where lines go.
        lock: The lock of the destinations' accounts.
        core: Counts what was dropped before any destination.
        branches: The destinations.
    """

    def __init__(
        self,
        diagnostics: Diagnostics,
        lock: AbstractContextManager[Any],
        core: EmitCore,
        branches: Sequence[Branch],
    ) -> None:
        self._diagnostics = diagnostics
        self._lock = lock
        self._core = core
        self._branches = branches
        self._told: dict[tuple[str, str], int] = {}

    def tell(self) -> None:
        """Say what is new; what had its line within the minute waits for the next one."""
        for (name, reason), number in self._lost().items():
            if number > self._told.get((name, reason), 0):
                self._told[name, reason] = number
                self._say(name, reason, number)

    def _say(self, name: str, reason: str, number: int) -> None:
        were = "1 record was" if number == 1 else f"{number} records were"
        known = explain(reason)
        self._diagnostics.report_total(
            f"{name}.lost.{reason}" if name else f"lost.{reason}",
            f"{were} lost on the way to {name}" if name else f"{were} lost before any destination",
            reason=reason,
            cause=known.cause,
            remedy=known.remedy,
        )

    def _lost(self) -> dict[tuple[str, str], int]:
        """Count what is to be told, by destination (empty: all of them) and reason."""
        early = {reason: sum(lanes) for reason, lanes in self._core.dropped_counts().items() if reason != _SHUTDOWN}
        full = early.pop(_FULL, 0)
        found = {("", reason): number for reason, number in early.items()}
        with self._lock:
            for branch in self._branches:
                dropped = _totals(branch.ledger.dropped)
                dropped[_FULL] = dropped.get(_FULL, 0) + full
                failed = _totals(branch.ledger.failed)
                quiet = {reason: number for reason, number in failed.items() if reason not in branch.sender.told}
                for reason, number in (*dropped.items(), *quiet.items()):
                    if number and reason != _SHUTDOWN:
                        found[branch.name, reason] = found.get((branch.name, reason), 0) + number
        return found


def tell_shutdown_losses(engine: Engine, more_time: str) -> None:
    """Say how many records a shutdown has given up.

    Args:
        engine: The engine that was shut down.
        more_time: How to give it more time.
    """
    stats = engine.stats()
    lost = stats.dropped_by_reason.get(_SHUTDOWN, 0) + stats.failed_by_reason.get(_SHUTDOWN, 0)
    if lost:
        engine.spec.diagnostics.report(
            "shutdown.lost",
            f"{lost} record{' was' if lost == 1 else 's were'} not delivered before the shutdown deadline",
            delivered=stats.delivered,
            dropped=stats.dropped,
            failed=stats.failed,
            remedy=f"{more_time}, or see why the receiver did not answer",
        )
        engine.spec.diagnostics.flush()


def _totals(lost: Mapping[str, Lanes]) -> dict[str, int]:
    return {reason: lanes.total() for reason, lanes in lost.items()}
