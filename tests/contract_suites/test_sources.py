"""The source contract, applied to the built-in sources."""

from __future__ import annotations

import logging
import sys

from fapilog_otel.contracts import Source
from fapilog_otel.sources.stdlib import StdlibSource
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
