"""A deadline for a whole attempt, connect to last byte."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from fapilog_otel.errors import RetryableError

if TYPE_CHECKING:
    from fapilog_otel.contracts import EncodedLogs, ExportResult
    from fapilog_otel.delivery.control import Control
    from fapilog_otel.delivery.link import Link

GRACE: Final = 0.2
"""Seconds that a cancelled attempt gets to clean up before it is left behind."""


class Timeout:
    """Ends an attempt that takes too long.

    ``asyncio.wait_for`` would not do: it waits for ever for a task that swallows its cancellation, and does not look at
    a deadline that is set while it waits.

    Args:
        inner: The exporter.
        seconds: For one attempt.
        control: Its deadlines cut an attempt shorter, also one that is under way when shutdown begins.
        grace: Seconds that a cancelled attempt gets to clean up.
    """

    __slots__ = ("_control", "_grace", "_inner", "_seconds")

    def __init__(self, inner: Link, seconds: float, control: Control, *, grace: float = GRACE) -> None:
        self._inner = inner
        self._seconds = seconds
        self._control = control
        self._grace = grace

    async def export(self, request: EncodedLogs) -> ExportResult:
        """Make one attempt.

        Raises:
            RetryableError: The time is over (reason ``timeout``), or the transport cancelled itself (``cancelled``).
        """
        attempt = asyncio.ensure_future(self._inner.export(request))
        try:
            await self._control.wait_for(attempt, self._seconds)
        except asyncio.CancelledError:
            await self._cancel(attempt)
            raise
        timed_out = not attempt.done()
        if timed_out:
            await self._cancel(attempt)
        return self._outcome(attempt, timed_out)

    async def _cancel(self, attempt: asyncio.Future[ExportResult]) -> None:
        attempt.add_done_callback(_retrieve)
        attempt.cancel()
        await asyncio.wait((attempt,), timeout=self._grace)

    def _outcome(self, attempt: asyncio.Future[ExportResult], timed_out: bool) -> ExportResult:
        if attempt.done() and not attempt.cancelled():
            return attempt.result()  # it may have finished while it was being cancelled: then it counts
        if timed_out:
            cut = self._control.remaining() <= 0
            limit = "before the deadline" if cut else f"within {self._seconds:g} s"
            raise RetryableError(f"no answer {limit}", reason="timeout")
        raise RetryableError("the transport cancelled the request", reason="cancelled")


def _retrieve(attempt: asyncio.Future[ExportResult]) -> None:
    """Mark the outcome of an attempt left behind as seen, or asyncio logs it as never retrieved."""
    if not attempt.cancelled():
        attempt.exception()
