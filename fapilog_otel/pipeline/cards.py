"""Payment card numbers in text: issuer range, length and Luhn check digit together, since each alone is in many an id.

Source: ISO/IEC 7812-1 (numbering, Annex B: Luhn) and the issuers' published ranges.
"""

from __future__ import annotations

import re
from typing import Final

# (lowest prefix, highest prefix, lengths); the prefixes of a row have the same number of digits.
ISSUERS: Final = (
    ("4", "4", (13, 16, 19)),  # Visa
    ("51", "55", (16,)),  # Mastercard
    ("2221", "2720", (16,)),  # Mastercard
    ("34", "34", (15,)),  # American Express
    ("37", "37", (15,)),  # American Express
    ("300", "305", (14,)),  # Diners Club
    ("36", "36", (14,)),  # Diners Club
    ("38", "39", (14,)),  # Diners Club
    ("6011", "6011", (16, 19)),  # Discover
    ("644", "659", (16, 19)),  # Discover
    ("3528", "3589", (16,)),  # JCB
    ("62", "62", (16, 17, 18, 19)),  # UnionPay, and Discover's 622126-622925
)
SHORTEST: Final = 13
LONGEST: Final = 19

# Length to prefixes, so that most numbers are told by two comparisons.
_PREFIXES: Final = {
    size: tuple((low, high) for low, high, sizes in ISSUERS if size in sizes) for size in range(SHORTEST, LONGEST + 1)
}
_LONG_RUN = re.compile(r"[0-9](?:[ -]?[0-9]){12}")
_GROUP = re.compile(r"[0-9]+")
# RFC 9562; one in some ten thousand random ones begins with groups of digits alone that pass every other test here.
_UUID = re.compile(r"(?<![0-9A-Za-z])[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}(?![0-9A-Za-z])")
_UUID_LENGTH: Final = 36
_DOUBLED = str.maketrans("0123456789", "0246813579")  # a digit doubled, the digits of the result added


def is_card_number(digits: str) -> bool:
    """Tell whether digits could be the number of a card that one of the known issuers issued."""
    return _has_issuer(digits) and luhn_valid(digits)


def luhn_valid(digits: str) -> bool:
    """Tell whether the last digit is the Luhn check digit of the others."""
    plain, doubled = digits[-1::-2], digits[-2::-2].translate(_DOUBLED)
    return sum(map(int, plain + doubled)) % 10 == 0


def _has_issuer(digits: str) -> bool:
    return any(low <= digits[: len(low)] <= high for low, high in _PREFIXES.get(len(digits), ()))


def mask_cards(text: str, mask: str) -> str:
    """Give the text with card numbers masked, those in groups with single spaces or dashes included.

    Args:
        text: Any text; numbers that touch a letter, or a point followed or preceded by digits, are not card numbers,
            nor are digits of a UUID.
        mask: Replaces the number, from its first to its last digit.
    """
    if _LONG_RUN.search(text) is None:
        return text
    out: list[str] = []
    done = 0
    run: list[tuple[int, int]] = []
    for match in _GROUP.finditer(text):
        start, end = match.span()
        if run and not (start - run[-1][1] == 1 and text[start - 1] in " -"):
            done = _mask_run(text, run, mask, out, done)
            run = []
        run.append((start, end))
    done = _mask_run(text, run, mask, out, done)
    out.append(text[done:])
    return "".join(out)


def _mask_run(text: str, run: list[tuple[int, int]], mask: str, out: list[str], done: int) -> int:
    """Append to ``out`` the text up to the end of a run's last card, masked; give that end, or ``done`` without one."""
    first = 0
    while first < len(run):
        last = _card_from(text, run, first)
        if last < 0:
            first += 1
            continue
        start, end = run[first][0], run[last][1]
        out += (text[done:start], mask)
        done = end
        first = last + 1
    return done


def _card_from(text: str, run: list[tuple[int, int]], first: int) -> int:
    """Give the index of the last group of the longest card number that begins with group ``first``, or -1."""
    found = -1
    digits = ""
    if not _begins_freely(text, run[first][0]):
        return found
    for last in range(first, len(run)):
        start, end = run[last]
        if len(digits) + end - start > LONGEST:
            break
        digits += text[start:end]
        if len(digits) >= SHORTEST and _ends_freely(text, end) and is_card_number(digits):
            found = found if _touches_uuid(text, run[first][0], end) else last
    return found


def _touches_uuid(text: str, start: int, end: int) -> bool:
    nearby = _UUID.finditer(text, max(start - _UUID_LENGTH, 0), end + _UUID_LENGTH)
    return any(match.start() < end and start < match.end() for match in nearby)


def _begins_freely(text: str, start: int) -> bool:
    before = text[start - 1 : start]
    return not (_is_letter(before) or (before == "." and text[start - 2 : start - 1].isdigit()))


def _ends_freely(text: str, end: int) -> bool:
    after = text[end : end + 1]
    return not (_is_letter(after) or (after == "." and text[end + 1 : end + 2].isdigit()))


def _is_letter(character: str) -> bool:
    return character.isascii() and character.isalpha()
