"""How a bad value is reported: a validator says what is wrong and what to write, the root adds name and origin."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class InvalidValueError(ValueError):
    """A value that its validator refuses.

    Args:
        problem: What is wrong, one clause that never contains the value.
        remedy: What to write instead, one clause.
        shown: The value as it may be shown, when the plain value may not.
        at: Dotted path of the value within its setting; empty: it is the whole setting's.
    """

    def __init__(self, problem: str, remedy: str, shown: object = None, at: str = "") -> None:
        self.problem = problem
        self.remedy = remedy
        self.shown = shown
        self.at = at
        super().__init__(f"{problem}. {remedy}")


def suggest(name: str, known: Iterable[str]) -> str:
    """Give the remedy for an unknown name: the nearest known one when there is one, else all of them."""
    names = sorted(known)
    near = get_close_matches(name, names, n=1, cutoff=0.6)
    return f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(names) or 'none'}"
