"""Which texts a redactor has to look at: one search for what every secret that it knows must contain."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_DIGITS_IN_A_RUN = 12
_ALL_BUT_DIGITS = bytes(byte for byte in range(256) if byte not in b"0123456789")
_MAYBE_DIGIT_RUN = re.compile(r"[0-9][0-9 -]{11}")


def suspicion_of(literals: Iterable[str], *, digits: bool) -> Callable[[str], bool]:
    """Give the test that most texts fail: whether a text holds any of the literals, or a long run of digits.

    Args:
        literals: Lower-case ASCII texts, looked for whatever the case of the text.
        digits: Runs of 12 or more digits are suspicious too, single spaces and dashes between them allowed.

    Returns:
        A test that may suspect wrongly and never misses.
    """
    words = list(dict.fromkeys(literal.lower() for literal in literals))
    literal_in = literal_search(words) if words else None

    def suspicious(text: str) -> bool:
        if literal_in is not None and literal_in(text.lower()):
            return True
        return digits and len(text) >= _DIGITS_IN_A_RUN and has_digit_run(text)

    return suspicious


def literal_search(literals: Sequence[str]) -> Callable[[str], object]:
    """Give the test of a lower-case text for any of some lower-case literals: true where one is in it.

    Args:
        literals: What to look for; without any, or with the empty one among them, the test is always true.
    """
    words = list(dict.fromkeys(literals))
    if not words or "" in words:
        return lambda _: True
    return re.compile(_joined(words)).search


def has_digit_run(text: str) -> bool:
    """Tell whether a text may hold 12 digits with single spaces and dashes between them."""
    found = text.encode("utf-8", "replace").translate(None, _ALL_BUT_DIGITS)  # many times faster than a search
    return len(found) >= _DIGITS_IN_A_RUN and _MAYBE_DIGIT_RUN.search(text) is not None


def _joined(words: Sequence[str]) -> str:
    """Give an expression of words that share their beginnings: a search tries each first letter once a position."""
    tails: dict[str, list[str]] = {}
    for word in words:
        tails.setdefault(word[0], []).append(word[1:])
    branches = []
    for first, rest in tails.items():
        if "" in rest:  # a shorter word ends here, and is found wherever the longer ones are
            branches.append(re.escape(first))
        elif len(rest) == 1:
            branches.append(re.escape(first + rest[0]))
        else:
            branches.append(f"{re.escape(first)}(?:{_joined(rest)})")
    return "|".join(branches)
