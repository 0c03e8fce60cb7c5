"""Makes an environment for each interpreter that pyenv has, and runs tests of processes under all of them.

    python -m tests.faults.pythons [--only VERSION …] [PYTEST ARGUMENT …]

Without arguments for pytest: how processes end, with every receiver of no use, and how they fork.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VERSIONS = ("3.10.13", "3.11.7", "3.12.1", "3.13.0")
SERVERS = ("gunicorn", "uvicorn", "celery", "gevent", "uvloop")
ENVIRONMENTS = Path.home() / ".cache" / "fapilog-otel" / "pythons"
TESTS = (
    "tests/faults/test_exit_without_receiver.py",
    "tests/integration/test_exit_live.py",
    "tests/integration/test_exit_late.py",
    "tests/integration/test_fork.py",
)


def environment(version: str) -> Path:
    """Give the interpreter of an environment with the package, built in place, and the servers.

    Raises:
        FileNotFoundError: pyenv has no such version.
    """
    base = Path.home() / ".pyenv" / "versions" / version / "bin" / "python"
    if not base.exists():
        raise FileNotFoundError(f"{base}: run `pyenv install {version}`")
    python = ENVIRONMENTS / version / "bin" / "python"
    if not python.exists():
        subprocess.run([base, "-m", "venv", python.parents[1]], check=True)
    present = f"import fapilog_otel.encode._native, {', '.join(SERVERS)}"
    if subprocess.run([python, "-c", present], cwd=ROOT, check=False).returncode:
        subprocess.run([python, "-m", "pip", "install", "-q", "-e", ".", *SERVERS], cwd=ROOT, check=True)
    return python


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=VERSIONS)
    options, given = parser.parse_known_args()
    pythons = [str(environment(version)) for version in options.only or VERSIONS]
    environ = {**os.environ, "TEST_PYTHONS": os.pathsep.join(pythons), "TEST_LONG": "1"}
    return subprocess.call([sys.executable, "-m", "pytest", *(given or TESTS)], cwd=ROOT, env=environ)


if __name__ == "__main__":
    sys.exit(main())
