"""Keeps what was exported in memory, decoded, for tests and for looking at."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

from fapilog_otel.contracts.exporter import ExporterTraits, ExportResult
from fapilog_otel.errors import ConfigError
from fapilog_otel_exporters._factory import Factory

if TYPE_CHECKING:
    from fapilog_otel.contracts.encoded_logs import EncodedLogs
    from fapilog_otel.model.record import Record
    from fapilog_otel_exporters._light_settings import MemorySettings


class MemoryExporter:
    """An exporter whose destination is a list; its contents survive `close`, and any thread may read them.

    Args:
        max_records: Records to keep; the oldest requests are let go beyond that.
    """

    traits = ExporterTraits(spooled=False)

    def __init__(self, max_records: int = 100_000) -> None:
        self.max_records = max_records
        self._requests: deque[tuple[Record, ...]] = deque()
        self._count = 0
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"MemoryExporter({len(self)} records)"

    def __len__(self) -> int:
        return self._count

    @property
    def records(self) -> tuple[Record, ...]:
        """The records kept, oldest first."""
        return tuple(record for request in self.requests for record in request)

    @property
    def requests(self) -> tuple[tuple[Record, ...], ...]:
        """The requests kept, oldest first, each as its records."""
        with self._lock:
            return tuple(self._requests)

    def clear(self) -> None:
        """Forget everything kept so far."""
        with self._lock:
            self._requests.clear()
            self._count = 0

    def validate(self) -> None:
        """Check the bound.

        Raises:
            ConfigError: It is below 1.
        """
        if self.max_records < 1:
            raise ConfigError(
                "max_records", self.max_records, "memory: not above 0", "Give a number of records above 0"
            )

    async def start(self) -> None:
        """Do nothing; there is nothing to open."""

    async def export(self, request: EncodedLogs) -> ExportResult:
        """Keep the request's records."""
        records = request.records()[-self.max_records :]
        with self._lock:
            self._requests.append(records)
            self._count += len(records)
            while self._count > self.max_records:
                self._count -= len(self._requests.popleft())
        return ExportResult()

    async def close(self) -> None:
        """Do nothing; the records stay readable."""


def _settings_model() -> type[MemorySettings]:
    from fapilog_otel_exporters._light_settings import MemorySettings

    return MemorySettings


def _build(settings: MemorySettings) -> MemoryExporter:
    return MemoryExporter(settings.max_records)


factory = Factory("memory", _settings_model, _build)
