"""The source contract, applied to the built-in sources."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

import fapilog
import pytest
import structlog
from loguru import logger

from fapilog_otel.contracts import Source
from fapilog_otel.sources.fapilog import FapilogSource
from fapilog_otel.sources.loguru import LoguruSource
from fapilog_otel.sources.stdlib import StdlibSource
from fapilog_otel.sources.structlog import StructlogSource
from fapilog_otel.testing import SourceContract

LOGGER = "contract.stdlib"


class TestStdlib(SourceContract):
    def make_source(self) -> Source:
        return StdlibSource()

    def log(self, message: str) -> None:
        logging.getLogger(LOGGER).warning(message)

    def native(self, message: str) -> object:
        return logging.LogRecord(LOGGER, logging.WARNING, __file__, 1, message, None, None)

    def log_exception(self, message: str) -> None:
        logging.getLogger(LOGGER).error(message, exc_info=sys.exc_info())


class TestStructlog(SourceContract):
    def make_source(self) -> Source:
        return StructlogSource()

    def log(self, message: str) -> None:
        structlog.get_logger().warning(message)

    def native(self, message: str) -> object:
        return {"event": message, "level": "warning"}

    def log_exception(self, message: str) -> None:
        structlog.get_logger().exception(message)


class TestLoguru(SourceContract):
    def make_source(self) -> Source:
        return LoguruSource()

    def log(self, message: str) -> None:
        logger.warning(message)

    def native(self, message: str) -> object:
        records: list[Any] = []
        number = logger.add(lambda line: records.append(line.record))
        logger.warning(message)
        logger.remove(number)
        return records[0]

    def log_exception(self, message: str) -> None:
        logger.exception(message)


class _Nowhere:
    name = "nowhere"

    async def write(self, entry: dict[str, Any]) -> None:
        """Leave it."""


class TestFapilog(SourceContract):
    @pytest.fixture(autouse=True)
    def logger(self) -> Iterator[None]:
        core = {"batch_timeout_seconds": 0.01, "atexit_drain_enabled": False, "error_dedupe_window_seconds": 0}
        settings = fapilog.Settings(core=core)
        self.fapilog = fapilog.get_logger("contract", settings=settings, sinks=[_Nowhere()], reuse=False)
        yield
        asyncio.run(self.fapilog.stop_and_drain())

    def make_source(self) -> Source:
        return FapilogSource()

    def log(self, message: str) -> None:
        self._written(self.fapilog.warning, message)

    def native(self, message: str) -> object:
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        return {"timestamp": now, "level": "WARNING", "message": message, "logger": "contract"}

    def log_exception(self, message: str) -> None:
        self._written(self.fapilog.exception, message)

    def _written(self, method: Any, message: str) -> None:
        """Log, and wait until fapilog's worker has handed the event on."""
        before = self.fapilog._counters["processed"]
        method(message)
        deadline = time.monotonic() + self.patience
        while self.fapilog._counters["processed"] == before and time.monotonic() < deadline:
            time.sleep(0.002)
