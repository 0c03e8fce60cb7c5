"""The one shape that every wrapper of a destination has and wraps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from fapilog_otel.contracts import EncodedLogs, ExportResult


class Link(Protocol):
    """What an exporter and each wrapper around it have in common."""

    async def export(self, request: EncodedLogs) -> ExportResult:
        """Deliver one request, or raise `PermanentError` or `RetryableError`."""
        ...
