"""How long the delivery of a request takes, retries included."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from fapilog_otel.errors import DeliveryError

if TYPE_CHECKING:
    from fapilog_otel.contracts import EncodedLogs, ExportResult
    from fapilog_otel.delivery.link import Link
    from fapilog_otel.telemetry.operations import Operations


class Measure:
    """Counts each delivery that has come to an end; one that a shutdown or a fork cuts off has not.

    Args:
        inner: What delivers one request, retries included.
        operations: Where it is counted.
    """

    __slots__ = ("_inner", "operations")

    def __init__(self, inner: Link, operations: Operations) -> None:
        self._inner = inner
        self.operations = operations

    async def export(self, request: EncodedLogs) -> ExportResult:
        """Deliver one request."""
        started = time.monotonic()
        try:
            result = await self._inner.export(request)
        except DeliveryError as error:
            self.operations.add(time.monotonic() - started, error.reason)
            raise
        self.operations.add(time.monotonic() - started, "rejected" if result.rejected else "", result.code)
        return result
