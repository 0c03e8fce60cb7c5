"""Python's own tests of logging pass with our source installed. They are the oracle that nobody here wrote."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import fapilog_otel

SCRIPT = Path(__file__).with_name("cpython_suite.py")

# Those that start servers or wait are left out: they test handlers, which we do not touch.
CLASSES = (
    "BaseTest",
    "BuiltinLevelsTest",
    "BasicFilterTest",
    "CustomLevelsAndFiltersTest",
    "StreamHandlerTest",
    "MemoryHandlerTest",
    "ExceptionTest",
    "ConfigFileTest",
    "ConfigDictTest",
    "ManagerTest",
    "ChildLoggerTest",
    "LogRecordFactoryTest",
    "QueueHandlerTest",
    "LastResortTest",
    "ShutdownTest",
    "ModuleLevelMiscTest",
    "LogRecordTest",
    "BasicConfigTest",
    "LoggerAdapterTest",
    "LoggerTest",
    "WarningsTest",
)


class TestSuiteOfPython:
    def test_passes_with_the_source_installed(self) -> None:
        assert importlib.util.find_spec("test.test_logging"), "this Python came without its own tests"
        finished = subprocess.run(
            [sys.executable, str(SCRIPT), *CLASSES],
            capture_output=True,
            text=True,
            timeout=100,
            env={**os.environ, "PYTHONPATH": str(Path(fapilog_otel.__file__).parent.parent)},
        )
        assert finished.returncode == 0, finished.stderr
        captured = int(finished.stdout.rpartition("captured ")[2])
        assert captured > 100
