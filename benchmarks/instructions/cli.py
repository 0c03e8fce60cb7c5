"""The command: count, compare with the baseline, print, and fail where a count has grown."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.instructions import baseline
from benchmarks.instructions.callgrind import CountError, build_marks, count
from benchmarks.instructions.cases import CASES

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Count, print, and give the exit status: 0 if no case has grown beyond what is allowed.

    Args:
        arguments: Of the command line; None: the process's.
    """
    options = _options(arguments)
    version = baseline.minor()
    try:
        counted = _count(options.only or list(CASES), options.keep)
    except CountError as error:
        print(f"FAULT {error}", file=sys.stderr)
        return 1
    before = baseline.read(version)
    lines = baseline.compare(counted, before)
    _print(version, lines)
    if options.write:
        baseline.write(version, {key: value for key, value in counted.items() if value is not None})
        print(f"written: {baseline.FILE.name}")
        return 0
    faults = [line for line in lines if line.fault]
    for line in faults:
        print(f"FAULT {line.key} {line.fault}")
    return 1 if faults else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.instructions",
        description="Counts the machine instructions of a log call with valgrind, and compares them with a baseline.",
    )
    parser.add_argument("--only", nargs="+", choices=list(CASES), help="count these")
    parser.add_argument("--write", action="store_true", help="make the counts the baseline of this Python version")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep callgrind's files, for callgrind_annotate")
    return parser.parse_args(arguments)


def _count(keys: Sequence[str], keep: Path | None) -> dict[str, float | None]:
    with tempfile.TemporaryDirectory(prefix="instructions-") as temporary:
        folder = Path(temporary) if keep is None else keep
        folder.mkdir(parents=True, exist_ok=True)
        library = build_marks(folder)
        return {key: None if CASES[key].missing else count(CASES[key], library, folder) for key in keys}


def _print(version: str, lines: Sequence[baseline.Line]) -> None:
    print(f"instructions a record, CPython {version}\n")
    print(f"{'':46}{'now':>9}{'baseline':>10}{'':>9}")
    for line in lines:
        now = "-" if line.counted is None else f"{line.counted:,.0f}"
        then = "-" if line.before is None else f"{line.before:,.0f}"
        growth = "" if line.growth is None else f"{line.growth:+.1%}"
        print(f"{CASES[line.key].title:46}{now:>9}{then:>10}{growth:>9}  {CASES[line.key].missing}")
