"""Runs classes of CPython's own tests of logging with our source installed; see `test_stdlib_cpython`.

Usage: ``python cpython_suite.py CLASS…``; the exit status is unittest's.
"""

from __future__ import annotations

import sys
import unittest

from stdlib_doubles import EncodingProvider
from test import test_logging

from fapilog_otel.sources.stdlib import StdlibSource

if __name__ == "__main__":
    sink = EncodingProvider()
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
