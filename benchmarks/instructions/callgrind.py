"""Runs a case under valgrind's callgrind and reads its totals."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.instructions.cases import LENGTHS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.instructions.cases import Case

ROOT: Final = Path(__file__).resolve().parents[2]
_RUN_SECONDS: Final = 300.0
_TRIGGER: Final = re.compile(r"^desc: Trigger: Client Request: (\d+)$", re.MULTILINE)
_THREAD: Final = re.compile(r"^thread: 1$", re.MULTILINE)
_TOTALS: Final = re.compile(r"^totals: (\d+)$", re.MULTILINE)


class CountError(RuntimeError):
    """Instructions could not be counted, or what was counted did not do its work."""


def build_marks(folder: Path) -> Path:
    """Compile ``marks.c`` into a folder, and give the library's path.

    Raises:
        CountError: valgrind, its headers or a C compiler is missing.
    """
    if shutil.which("valgrind") is None:
        raise CountError("valgrind is not installed: apt-get install valgrind")
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise CountError("there is no C compiler: cc, gcc or $CC")
    source, library = Path(__file__).with_name("marks.c"), folder / "marks.so"
    done = subprocess.run(
        [*compiler.split(), "-O1", "-shared", "-fPIC", "-o", str(library), str(source)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise CountError(f"marks.c does not compile; valgrind's headers are needed:\n{done.stderr.strip()}")
    return library


def count(case: Case, library: Path, folder: Path) -> float:
    """Give the instructions a record of one case.

    Args:
        case: What to count.
        library: The compiled marks.
        folder: Where callgrind's files go, for ``callgrind_annotate``.

    Raises:
        CountError: The run failed, or its records are not what they should be.
    """
    out = folder.resolve() / f"callgrind.{case.key}"
    for old in folder.glob(f"{out.name}.*-01"):
        old.unlink()
    done = subprocess.run(
        [
            "valgrind",
            "--tool=callgrind",
            "--instr-atstart=no",  # start-up and imports at nearly full speed
            "--separate-threads=yes",
            f"--callgrind-out-file={out}",
            *(sys.executable, "-m", "benchmarks.instructions.subject", case.key, str(library.resolve())),
        ],
        cwd=ROOT,
        env=_environment(case),
        capture_output=True,
        text=True,
        timeout=_RUN_SECONDS,
        check=False,
    )
    if done.returncode:
        raise CountError(f"{case.key} ended with exit status {done.returncode}:\n{done.stderr.strip()[-4000:]}")
    faults = json.loads(done.stdout.splitlines()[-1])["faults"]
    if faults:
        raise CountError(f"{case.key}: " + "; ".join(faults))
    return a_record(totals(path.read_text(errors="replace") for path in folder.glob(f"{out.name}.*-01")))


def totals(dumps: Iterable[str]) -> dict[int, int]:
    """Give the instructions of the thread that logs, by the length of run that was counted.

    Args:
        dumps: The texts of callgrind's files; those of other threads and of the program's end are passed over.
    """
    found = {}
    for text in dumps:
        length, total = _TRIGGER.search(text), _TOTALS.search(text)
        if length and total and _THREAD.search(text):
            found[int(length[1])] = int(total[1])
    return found


def a_record(counted: dict[int, int]) -> float:
    """Give the instructions that one more record takes: whatever each run costs by itself cancels out.

    Raises:
        CountError: The counts of the two lengths are not both there.
    """
    short, long = LENGTHS
    if set(counted) != {short, long}:
        raise CountError(f"callgrind has counted runs of {sorted(counted)} records, not of {short} and {long}")
    return (counted[long] - counted[short]) / (long - short)


def _environment(case: Case) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "FAPILOG_", "PYTHON"))}
    return {**kept, "PYTHONHASHSEED": "0", "FAPILOG_OTEL_NATIVE": "1" if case.native else "0"}
