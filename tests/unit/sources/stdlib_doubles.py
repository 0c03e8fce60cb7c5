"""A provider that keeps what it is given, and a handler that does."""

from __future__ import annotations

import logging
import threading
from typing import Any

from fapilog_otel.contracts import EncodedLogs
from fapilog_otel.contracts.encoded_logs import Segment
from fapilog_otel.encode.plan import EncodePlan
from fapilog_otel.encode.select import Chunk, EmitCore, LoggerBase, Port
from fapilog_otel.model.record import Record
from fapilog_otel.model.scope import Scope
from fapilog_otel.provider.logger import Logger


class RecordingLogger:
    def __init__(self, provider: RecordingProvider, name: str) -> None:
        self.provider = provider
        self.name = name

    def emit(self, record: Any = None, **fields: Any) -> None:
        assert record is None
        self.provider.emitted.append({"scope": self.name, **fields})
        if self.provider.on_emit is not None:
            self.provider.on_emit(fields)


class RecordingProvider:
    def __init__(self) -> None:
        self.emitted: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self.on_emit: Any = None

    def get_logger(
        self, name: str, version: Any = None, schema_url: Any = None, attributes: Any = None
    ) -> RecordingLogger:
        self.asked.append(name)
        return RecordingLogger(self, name)

    @property
    def bodies(self) -> list[Any]:
        return [fields["body"] for fields in self.emitted]

    @property
    def last(self) -> dict[str, Any]:
        return self.emitted[-1]


class ChunkHost:
    """Gives a core chunks without end."""

    def acquire(self, band: int, need: int, may_wait: bool) -> Any:
        return Chunk(max(need, 1 << 16), band)

    def release(self, unneeded: Any) -> None:
        pass

    def await_count(self, band: int) -> bool:
        return False

    def wake(self) -> None:
        pass


class EncodingProvider:
    """A provider of our own loggers over the encoder in use; what they wrote is decoded on demand."""

    def __init__(self) -> None:
        self.core = EmitCore(EncodePlan(), ChunkHost(), threading.RLock())
        self.port = Port(lambda logger: (Scope(logger.scope_key[0]), 0))
        self.port.core = self.core
        self.asked: list[str] = []

    def get_logger(self, name: str) -> LoggerBase:
        self.asked.append(name)
        return Logger(self.port, name)

    @property
    def count(self) -> int:
        return sum(self.core.submitted_counts())

    def take(self) -> list[Record]:
        """Give the records written since the last time."""
        self.core.seal_open()
        segments = [Segment(sealed, 0, sealed.count) for sealed in self.core.sealed if sealed.count]
        self.core.sealed.clear()
        return list(EncodedLogs(segments).records()) if segments else []


class ListHandler(logging.Handler):
    """Formats as a real handler does, and keeps the lines."""

    def __init__(self, level: int = logging.NOTSET) -> None:
        super().__init__(level)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))
