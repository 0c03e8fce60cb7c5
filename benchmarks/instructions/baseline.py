"""The committed counts, and whether new ones have grown."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE: Final = Path(__file__).with_name("baseline.json")
GROWTH: Final = 0.05
"""How much a count may lie above its baseline."""


@dataclass(frozen=True, slots=True)
class Line:
    """One case against its baseline.

    Args:
        key: Of the case.
        counted: Instructions a record now; None: it could not be counted in this version.
        before: Instructions a record in the baseline; None: it is not in it.
    """

    key: str
    counted: float | None
    before: float | None

    @property
    def growth(self) -> float | None:
        """By how much it grew, 0.05 for 5 %; None where there is nothing to compare."""
        return None if self.counted is None or self.before is None else self.counted / self.before - 1

    @property
    def fault(self) -> str:
        """Why the guard fails; empty: it does not."""
        if self.counted is None:
            return "" if self.before is None else "is in the baseline and can no longer be counted"
        if self.growth is None:
            return "is not in the baseline: write it with --write"
        if self.growth > GROWTH:
            return f"takes {self.growth:+.1%} instructions a record, {GROWTH:.0%} are allowed"
        return ""


def minor() -> str:
    """Give the key of the running interpreter: each minor version has counts of its own."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def read(version: str, path: Path = FILE) -> dict[str, float]:
    """Give the counts of one Python version; empty: there are none."""
    everything: dict[str, dict[str, float]] = json.loads(path.read_text()) if path.exists() else {}
    return everything.get(version, {})


def write(version: str, counted: Mapping[str, float], path: Path = FILE) -> None:
    """Replace the counts of one Python version that were made anew; all others stay."""
    everything: dict[str, dict[str, float]] = json.loads(path.read_text()) if path.exists() else {}
    everything.setdefault(version, {}).update({key: round(value) for key, value in counted.items()})
    ordered = {name: everything[name] for name in sorted(everything, key=_as_numbers)}
    path.write_text(json.dumps(ordered, indent=2) + "\n")


def compare(counted: Mapping[str, float | None], before: Mapping[str, float]) -> list[Line]:
    """Put each count beside its baseline.

    Args:
        counted: Instructions a record by case; None: could not be counted in this version.
        before: The baseline.
    """
    return [Line(key, value, before.get(key)) for key, value in counted.items()]


def _as_numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
