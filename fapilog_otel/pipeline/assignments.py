r"""Secrets that a text assigns to a name, of those names whose values are masked as attributes.

    password=x   ?api_key=x&   token='x'   "secret": "x"   'cookie': ['x']   password: "x"   {\"jwt\": \"x\"}
    password: x1   Set-Cookie: a=b; Path=/

The search goes from separator to separator, looks back for a name and only then ahead for a value. What has been looked
at as a value is not looked at again, so the time is linear in the text.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from fapilog_otel.pipeline.key_names import names_secret_in_text
from fapilog_otel.pipeline.plain_values import plain_value_end

# A colon counts beside a quote, of its name or of its value, and right behind a word: prose is full of those, so there
# the value decides (``plain_values``).
_SEPARATOR = re.compile(
    r"""=(?!=)>?
    | :(?:(?<=["']:)|(?<=["']\s:)|(?=[ \t]{0,4}[bBfFuUrR]?\\{0,7}["'])|(?<=[A-Za-z]:)|(?<=[A-Za-z_-][0-9]:))""",
    re.VERBOSE,
)
# Read backwards from the separator: ``name``, ``"name"``, ``\"name\"``, ``of[name]``, ``of["name"]``.
_LOOK_BACK: Final = 96
_NAME_BACKWARDS = re.compile(r"""\s?\]?(?P<quote>["']\\{0,7})?\]?(?P<name>[\w-]{1,72})(?P<escape>\\(?!\\))?""")
_ESCAPED: Final = "abfnrtv"  # ``\ncookie=x``: the letter may belong to the backslash

_VALUE: Final = r"""(?:[bBfFuUrR]{0,2}(?P<quote>\\{0,7}["'])|(?P<box>[\[{(])
    |(?P<bare>(?:[^\s&;,"'<>(){}\[\]\\=]|=(?!["']))+))"""
_AFTER_EQUALS = re.compile(rf"[ ]?{_VALUE}", re.VERBOSE)
_AFTER_COLON = re.compile(rf"(?:\s|\\{{1,7}}[nrt]){{0,64}}{_VALUE}", re.VERBOSE)
_AFTER_BARE_NAME = re.compile(r"""[ \t]{0,4}[bBfFuUrR]?(?P<quote>\\{0,7}["'])""")
_BARE_REST = re.compile(r"""[^\s&;,"'<>(){}\[\]\\]*""")
_ANY_QUOTE = re.compile(r"""\\{0,7}["']""")
_LINE_END = re.compile(r"[\r\n]|\Z")


def is_masked(text: str, start: int, end: int, mask: str) -> bool:
    """Tell whether a secret is the mask of an earlier pass (of which a pattern may see the first word only)."""
    return end <= start + len(mask) and text.startswith(mask, start)


def mask_assignments(text: str, mask: str) -> str:
    """Give the text with the value of each secret name masked; quotes around a value are kept."""
    out: list[str] = []
    done = position = 0
    while (separator := _SEPARATOR.search(text, position)) is not None:
        position = separator.end()
        name, quote = _name_before(text, separator.start())
        if not names_secret_in_text(name):
            continue
        value = _value_after(text, separator, name, quote)
        if value is None:
            continue
        start, position, around = value
        if start < position and not is_masked(text, start, position, mask):
            out += (text[done:start], around, mask, around)
            done = position
    out.append(text[done:])
    return "".join(out)


def _name_before(text: str, end: int) -> tuple[str, str]:
    """Give the name that stands before a separator, and its quote with the backslashes before it; both may be empty."""
    match = _NAME_BACKWARDS.match(text[max(end - _LOOK_BACK, 0) : end][::-1])
    if match is None:
        return "", ""
    name = match["name"][::-1]
    if match["escape"] and not match["quote"] and name[0] in _ESCAPED and not names_secret_in_text(name):
        name = name[1:]
    return name, (match["quote"] or "")[::-1]


def _value_after(text: str, separator: re.Match[str], name: str, quote: str) -> tuple[int, int, str] | None:
    """Give start and end of the value after a secret's name, and what to write around its mask; None: no value.

    Args:
        text: The whole text.
        separator: The ``=`` or ``:``.
        name: The name before it.
        quote: Its quote, with backslashes.
    """
    is_equals = text[separator.start()] == "="
    expression = _AFTER_EQUALS if is_equals else _AFTER_COLON if quote else _AFTER_BARE_NAME
    match = expression.match(text, separator.end())
    if match is None:
        return None if is_equals or quote else plain_value_end(text, separator.start(), name)
    kind = match.lastgroup
    if kind == "quote":
        return match.end(), _string(match["quote"]).match(text, match.end()).end(), ""  # type: ignore[union-attr]
    if kind == "box":
        end = _box_end(text, match.start("box"), one_line=is_equals)
        if is_equals and not text[match.end() : end].strip():  # the first line of a longer statement, in a stack trace
            return None
        if is_equals:  # with what follows at once, which would be a value of its own behind the mask
            return match.start("box"), _BARE_REST.match(text, end).end(), ""  # type: ignore[union-attr]
        return match.start("box"), end, quote
    # ``Authorization=Basic x``: a pattern of its own keeps the scheme.
    return None if name.lower().endswith("authorization") else (*match.span("bare"), "")


def _box_end(text: str, start: int, *, one_line: bool) -> int:
    """Give where a list or mapping that begins at ``start`` ends; one without its end ends with the text, or the line.

    Args:
        text: The whole text.
        start: Of its opening bracket.
        one_line: Whether it must end on its line: what follows code in a stack trace does not belong to it.
    """
    limit = _LINE_END.search(text, start).start() if one_line else len(text)  # type: ignore[union-attr]
    quote = _ANY_QUOTE.search(text, start, min(start + 256, limit))
    depth = 0
    for token in _tokens(quote[0][:-1] if quote is not None else "").finditer(text, start, limit):
        if token[0] in "[{(":
            depth += 1
        elif token[0] in "]})":
            depth -= 1
            if not depth:
                return token.end()
    return limit


@lru_cache(maxsize=16)
def _string(quote: str) -> re.Pattern[str]:
    """Give what matches the inside of a quoted text, which may lack its end, from behind its opening quote."""
    if len(quote) == 1:
        return re.compile(rf"[^{quote}\\]*(?:\\.[^{quote}\\]*)*", re.DOTALL)
    # Quoted within a quoted text: the end has as many backslashes as the beginning.
    return re.compile(rf"(?:(?!(?<!\\){re.escape(quote)}).)*", re.DOTALL)


@lru_cache(maxsize=8)
def _tokens(backslashes: str) -> re.Pattern[str]:
    """Give what matches brackets and whole quoted texts, the quotes after so many backslashes."""
    quotes = [(quote, re.escape(quote)) for quote in (f'{backslashes}"', f"{backslashes}'")]
    texts = [f"(?<!\\\\){escaped}{_string(quote).pattern}(?:{escaped})?" for quote, escaped in quotes]
    return re.compile("|".join([*texts, r"[\[\]{}()]"]), re.DOTALL)
