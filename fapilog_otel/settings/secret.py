"""Values that work as they are and never show what they hold: headers, keys, credentials in URLs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

MASK: Final = "***"


class Secret(bytes):
    """Bytes that are never shown: ``repr`` and ``str`` give a mask (a private key in PEM form)."""

    def __repr__(self) -> str:
        return f"Secret({MASK!r})"

    __str__ = __repr__


class Headers(Mapping[str, str]):
    """Request headers whose names show and whose values never do; equal to any mapping with the same items.

    Args:
        items: Header names and values.
    """

    __slots__ = ("_items",)

    def __init__(self, items: Mapping[str, str]) -> None:
        self._items = dict(items)

    def __getitem__(self, name: str) -> str:
        return self._items[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        return repr(dict.fromkeys(self._items, MASK))


def mask_url(url: str) -> str:
    """Give a URL with everything that may be a credential masked: what stands before an ``@``, and the query."""
    base, question, query = url.partition("?")
    head, at, host = base.rpartition("@")
    scheme, separator, rest = (head if at else base).rpartition("://")
    if not at and "@" in query and ":" in rest:  # a password with an unescaped "?": where it ends, nobody can tell
        return f"{scheme}{separator}{MASK}"
    if at:
        base = f"{scheme}{separator}{MASK}@{host}"
    return f"{base}?{MASK}" if question else base


_ASSIGNED: Final = re.compile(
    r"""(?P<name>[\w.-]*(?:key|token|secret|passw|pwd|credential|authorization|cookie)[\w.-]*["']?[ \t]*[=:][ \t]*)
    (?:(?:bearer|basic|token)[ \t]+)?[^\s,;&]+""",
    re.IGNORECASE | re.VERBOSE,
)


def mask_assigned(text: str) -> str:
    """Give a text with what it assigns to a secret's name masked: ``password=***``."""
    return _ASSIGNED.sub(rf"\g<name>{MASK}", text)
