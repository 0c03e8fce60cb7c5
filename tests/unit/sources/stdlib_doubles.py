"""A provider that keeps what it is given, and a handler that does."""

from __future__ import annotations

import logging
from typing import Any


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


class ListHandler(logging.Handler):
    """Formats as a real handler does, and keeps the lines."""

    def __init__(self, level: int = logging.NOTSET) -> None:
        super().__init__(level)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))
