"""What a measurement gives: rows for people, figures for programs, and what was wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured.

    Args:
        rounds: Alternations between ours and the SDK.
        scale: Multiplies records and durations.
    """

    rounds: int
    scale: float

    def of(self, number: float, least: int = 1) -> int:
        """Give a number of records, or of whatever else, at this scale."""
        return max(least, round(number * self.scale))


@dataclass(slots=True)
class Table:
    """One measurement.

    Args:
        key: Its name on the command line.
        title: Its heading.
        columns: Their headings.
        rows: Cells as text.
        left: Columns that are aligned to the left, the first ones.
        note: How it was measured.
        faults: What was wrong; empty: every record is accounted for.
        data: The figures.
    """

    key: str
    title: str
    columns: Sequence[str]
    rows: list[list[str]] = field(default_factory=list)
    left: int = 1
    note: str = ""
    faults: list[str] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)


def markdown(columns: Sequence[str], rows: Sequence[Sequence[str]], left: int) -> str:
    """Give rows as a Markdown table, padded so that it reads as text too.

    Args:
        columns: The headings.
        rows: The cells.
        left: Columns that are aligned to the left.
    """
    cells = [list(columns), *(list(row) for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(columns))]
    rule = ["-" * width if number < left else "-" * (width - 1) + ":" for number, width in enumerate(widths)]
    return "\n".join(_line(row, widths, left) for row in (cells[0], rule, *cells[1:]))


def number(value: float) -> str:
    """Give a whole number with its thousands apart."""
    return f"{value:,.0f}".replace(",", " ")


def rounded(value: float) -> str:
    """Give three digits: what the noise leaves."""
    digits = 10 ** max(0, len(str(int(value))) - 3)
    return number(round(value / digits) * digits)


def _line(row: Sequence[str], widths: Sequence[int], left: int) -> str:
    padded = (
        cell.ljust(width) if index < left else cell.rjust(width)
        for index, (cell, width) in enumerate(zip(row, widths, strict=True))
    )
    return f"| {' | '.join(padded)} |"
