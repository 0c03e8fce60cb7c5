from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.unit.encode.encoders import Twin
from tests.unit.encode.hostile import ATTEMPTS
from tests.unit.encode.interruptions import SCENARIOS

ROOT = Path(__file__).parents[3]


def survived(module: str, *arguments: str) -> tuple[list[str], int, str]:
    """Run a module in a process of its own; give what it survived, its return code, and what it said about its end."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-m", f"tests.unit.encode.{module}", *arguments],
        capture_output=True,
        text=True,
        timeout=100,
        cwd=ROOT,
        env=environment,
        check=False,
    )
    names = [line.removeprefix("survived ") for line in done.stdout.splitlines()]
    return names, done.returncode, done.stderr[-3000:]


class TestInterruptions:
    """Signal handlers and finalisers log, seal and raise in the middle of log calls."""

    def test_lose_double_and_break_nothing(self, twin: Twin) -> None:
        names, code, error = survived("interruptions", twin.name)
        assert (names, code) == (list(SCENARIOS), 0), error


class TestHostileCalls:
    """Wrong types, sizes at every boundary, objects that never were initialised, cores replaced while they write."""

    def test_do_not_crash_the_native_encoder(self) -> None:
        names, code, error = survived("hostile")
        assert (names, code) == (list(ATTEMPTS), 0), error
