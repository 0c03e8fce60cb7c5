"""Runs classes of CPython's own tests of logging with our source installed; see `test_stdlib_cpython`.

Usage: ``python cpython_suite.py CLASS…``; the exit status is unittest's.
"""

from __future__ import annotations

import sys
import unittest
from typing import Any

from test import test_logging

from fapilog_otel.sources.stdlib import StdlibSource


class Sink:
    """A provider and its logger in one; counts what it gets."""

    count = 0

    def get_logger(self, name: str) -> Sink:
        return self

    def emit(self, record: Any = None, **fields: Any) -> None:
        self.count += 1


if __name__ == "__main__":
    sink = Sink()
    handle = StdlibSource().install(sink)
    suite = unittest.TestSuite(
        unittest.defaultTestLoader.loadTestsFromTestCase(getattr(test_logging, name)) for name in sys.argv[1:]
    )
    test_logging.setUpModule()
    result = unittest.TextTestRunner(verbosity=0).run(suite)
    assert handle.installed
    assert (handle.dropped, handle.failed) == (0, 0)
    print(f"captured {sink.count}")
    sys.exit(not result.wasSuccessful())
